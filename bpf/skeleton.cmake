# SPDX-License-Identifier: Apache-2.0
# catflap_skeleton: bpf/NAME.bpf.c -> object -> <NAME.skel.h>. Editing any header rebuilds it (DEPFILE).
find_program(CLANG NAMES clang REQUIRED)
find_program(LLVM_STRIP NAMES llvm-strip llvm-strip-14 REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)

set(bpf_dir ${CMAKE_BINARY_DIR}/bpf)
file(MAKE_DIRECTORY ${bpf_dir})

# asm/types.h lies in the multiarch directory, which clang does not search for the bpf target.
foreach(object catflap guard)
    add_custom_command(
        OUTPUT ${bpf_dir}/${object}.bpf.o
        COMMAND ${CLANG} -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror
            -I${PROJECT_SOURCE_DIR}/include -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${bpf_dir}/${object}.bpf.d -MT ${bpf_dir}/${object}.bpf.o
            -c ${PROJECT_SOURCE_DIR}/bpf/${object}.bpf.c -o ${bpf_dir}/${object}.bpf.o
        COMMAND ${LLVM_STRIP} -g ${bpf_dir}/${object}.bpf.o
        DEPENDS ${PROJECT_SOURCE_DIR}/bpf/${object}.bpf.c
        DEPFILE ${bpf_dir}/${object}.bpf.d
        COMMENT "BPF ${object}.bpf.o"
        VERBATIM)
    add_custom_command(
        OUTPUT ${bpf_dir}/${object}.skel.h
        COMMAND ${BPFTOOL} gen skeleton ${bpf_dir}/${object}.bpf.o name ${object}_bpf > ${bpf_dir}/${object}.skel.h
        DEPENDS ${bpf_dir}/${object}.bpf.o
        COMMENT "BPF ${object}.skel.h"
        VERBATIM)
    list(APPEND skeletons ${bpf_dir}/${object}.skel.h)
endforeach()
add_custom_target(catflap_skeleton_files DEPENDS ${skeletons})
add_library(catflap_skeleton INTERFACE)
add_dependencies(catflap_skeleton catflap_skeleton_files)
target_include_directories(catflap_skeleton SYSTEM INTERFACE ${bpf_dir})
