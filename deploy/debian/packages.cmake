# SPDX-License-Identifier: Apache-2.0
# The Debian packages, by CPack: catflapd (agent, unit, documentation), catflap (CLI), catflap-bench. scripts/package builds
# them. What only they have is left out of a plain cmake --install. docs/decisions/016 says what their scripts do, and why.

# The first entry of the changelog has the version of the packages: VERSION-REVISION.
file(READ ${CMAKE_CURRENT_LIST_DIR}/changelog changelog)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/changelog)
string(REGEX REPLACE "^#[^\n]*\n" "" changelog "${changelog}")
if(NOT changelog MATCHES "^catflap \\(([0-9.]+)-([0-9]+)\\)" OR NOT CMAKE_MATCH_1 VERSION_EQUAL PROJECT_VERSION)
    message(FATAL_ERROR "deploy/debian/changelog does not begin with catflap (${PROJECT_VERSION}-REVISION)")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE ${CMAKE_MATCH_2})
set(debian_version ${PROJECT_VERSION}-${CMAKE_MATCH_2})
set(debian_files ${CMAKE_BINARY_DIR}/debian)
file(WRITE ${debian_files}/changelog "${changelog}")
execute_process(COMMAND gzip -9nc ${debian_files}/changelog OUTPUT_FILE ${debian_files}/changelog.Debian.gz
    COMMAND_ERROR_IS_FATAL ANY)

# The unit, with the paths of a package and its configuration file. The agent's own default is the host's name, too.
file(READ ${PROJECT_SOURCE_DIR}/deploy/catflapd.service unit)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/deploy/catflapd.service)
function(replace_in_unit from to)
    string(FIND "${unit}" "${from}" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "deploy/catflapd.service has changed; deploy/debian/packages.cmake expects in it:\n${from}")
    endif()
    string(REPLACE "${from}" "${to}" unit "${unit}")
    set(unit "${unit}" PARENT_SCOPE)
endfunction()
replace_in_unit("Node object; where the host's name is another: systemctl edit catflapd, and there
#   [Service]
#   Environment=NODE=name
" "Node object; where the host's name is another, /etc/catflap/catflapd.yaml says so.
")
replace_in_unit("file:/usr/share/doc/catflap/README.md" "file:/usr/share/doc/catflapd/docs/operating.md")
replace_in_unit("Environment=NODE=%H\n" "")
replace_in_unit("/usr/local/bin/catflapd --source /etc/catflap/manifests --node \${NODE}"
    "/usr/bin/catflapd --config /etc/catflap/catflapd.yaml")
file(WRITE ${debian_files}/catflapd.service "${unit}")

# What scripts share becomes part of each: a package's scripts come alone.
file(READ ${CMAKE_CURRENT_LIST_DIR}/in_force.sh shared)
foreach(script preinst postinst prerm postrm)
    file(READ ${CMAKE_CURRENT_LIST_DIR}/${script} text)
    string(REPLACE ". ./in_force.sh\n" "${shared}" text "${text}")
    file(WRITE ${debian_files}/${script} "${text}")
    list(APPEND catflapd_control ${debian_files}/${script})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/${script})
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/in_force.sh)
file(WRITE ${debian_files}/conffiles "/etc/catflap/catflapd.yaml\n")

# ---- Contents; the programs are in the top CMakeLists.txt ----
set(in_catflapd COMPONENT catflapd EXCLUDE_FROM_ALL)
set(doc share/doc/catflapd)
install(FILES ${debian_files}/catflapd.service DESTINATION lib/systemd/system ${in_catflapd})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/50-catflapd.preset DESTINATION lib/systemd/system-preset ${in_catflapd})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/catflapd.yaml DESTINATION /etc/catflap ${in_catflapd})
install(DIRECTORY DESTINATION /etc/catflap/manifests ${in_catflapd})
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${doc} ${in_catflapd})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${doc}/docs ${in_catflapd} PATTERN benchmark EXCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/alerts.yaml ${PROJECT_SOURCE_DIR}/deploy/grafana.json
    DESTINATION ${doc}/examples ${in_catflapd})
foreach(package catflapd catflap catflap-bench)
    install(FILES ${CMAKE_CURRENT_LIST_DIR}/copyright ${debian_files}/changelog.Debian.gz
        DESTINATION share/doc/${package} COMPONENT ${package} EXCLUDE_FROM_ALL)
endforeach()

# ---- CPack ----
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME catflap)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The catflap authors <maintainers@catflap.example>")
set(CPACK_COMPONENTS_ALL catflapd catflap catflap-bench)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
foreach(package CATFLAPD CATFLAP CATFLAP-BENCH)
    string(TOLOWER ${package} name)
    set(CPACK_DEBIAN_${package}_PACKAGE_NAME ${name})
endforeach()

set(CPACK_COMPONENT_CATFLAPD_DESCRIPTION "NetworkPolicy of Kubernetes by eBPF: the node's agent
catflapd enforces NetworkPolicies on nodes whose pods have veths as Calico's
CNI plug-in makes them, by two small eBPF programs on each veth.
.
What is pinned in the kernel goes on enforcing while the agent is stopped,
upgraded or removed. Installing neither enables nor starts the agent.")
# Of the same version: the two speak a protocol of their own, and every runbook begins with "catflap status". The unit's
# ExecReload is procps' kill. With nft the maintainer scripts see the guard of kernels before 6.4, which closes a node.
set(CPACK_DEBIAN_CATFLAPD_PACKAGE_DEPENDS "catflap (= ${debian_version}), procps, nftables")
set(CPACK_DEBIAN_CATFLAPD_PACKAGE_RECOMMENDS "iptables, ipset") # mode iptables only
set(CPACK_DEBIAN_CATFLAPD_PACKAGE_CONTROL_EXTRA ${catflapd_control} ${debian_files}/conffiles)

set(CPACK_COMPONENT_CATFLAP_DESCRIPTION "NetworkPolicy of Kubernetes by eBPF: the command line
catflap asks the node's agent, catflapd, what is enforced and what was dropped,
checks manifests before they are applied, and prints them as iptables chains.
The last two need neither an agent nor root.")

# A downgrade of the agent takes this one along: refused as a whole, or not at all.
set(CPACK_DEBIAN_CATFLAP_PACKAGE_CONTROL_EXTRA ${debian_files}/preinst)

set(CPACK_COMPONENT_CATFLAP-BENCH_DESCRIPTION "NetworkPolicy of Kubernetes by eBPF: its benchmark
catflap-bench measures, in network namespaces of its own, what policies cost by
eBPF, by iptables, and without any.")
set(CPACK_DEBIAN_CATFLAP-BENCH_PACKAGE_DEPENDS "catflapd (= ${debian_version})")
include(CPack)
