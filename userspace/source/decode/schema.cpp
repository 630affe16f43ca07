// SPDX-License-Identifier: Apache-2.0
// From the types of k8s.io/api v0.35 (core/v1, discovery/v1) and of apimachinery (meta/v1).
#include "source/decode/schema.h"

#include <array>

namespace catflap::source {
namespace {

using Names = std::span<const std::string_view>;

struct Level;
struct Child {
    std::string_view field;
    const Level* level;  // of an object, or of each element of a list
};
struct Level {
    Names read;
    Names others{};
    std::span<const Child> children{};
    bool is_closed = false;  // refuses what is in neither
};

// clusterName and initializers: of former versions.
constexpr std::string_view kMetadataFields[] = {"name",
                                                "generateName",
                                                "namespace",
                                                "selfLink",
                                                "uid",
                                                "resourceVersion",
                                                "generation",
                                                "creationTimestamp",
                                                "deletionTimestamp",
                                                "deletionGracePeriodSeconds",
                                                "labels",
                                                "annotations",
                                                "ownerReferences",
                                                "finalizers",
                                                "managedFields",
                                                "clusterName",
                                                "initializers"};
constexpr Level kMetadata{.read = kMetadataFields, .is_closed = true};

// ---- Pod ----
constexpr std::string_view kPortFields[] = {"name", "hostPort", "containerPort", "protocol", "hostIP"};
constexpr Level kContainerPort{.read = kPortFields};
constexpr std::string_view kContainerRead[] = {"ports", "restartPolicy"};
constexpr std::string_view kContainerOthers[] = {"name",
                                                 "image",
                                                 "command",
                                                 "args",
                                                 "workingDir",
                                                 "envFrom",
                                                 "env",
                                                 "resources",
                                                 "resizePolicy",
                                                 "restartPolicyRules",
                                                 "volumeMounts",
                                                 "volumeDevices",
                                                 "livenessProbe",
                                                 "readinessProbe",
                                                 "startupProbe",
                                                 "lifecycle",
                                                 "stdin",
                                                 "stdinOnce",
                                                 "tty",
                                                 "terminationMessagePath",
                                                 "securityContext",
                                                 "imagePullPolicy",
                                                 "terminationMessagePolicy"};
constexpr Child kContainerChildren[] = {{"ports", &kContainerPort}};
constexpr Level kContainer{.read = kContainerRead, .others = kContainerOthers, .children = kContainerChildren};
constexpr std::string_view kPodSpecRead[] = {"containers", "initContainers", "nodeName", "serviceAccountName",
                                             "hostNetwork"};
constexpr std::string_view kPodSpecOthers[] = {"volumes",
                                               "ephemeralContainers",
                                               "restartPolicy",
                                               "terminationGracePeriodSeconds",
                                               "activeDeadlineSeconds",
                                               "dnsPolicy",
                                               "nodeSelector",
                                               "serviceAccount",
                                               "automountServiceAccountToken",
                                               "hostPID",
                                               "hostIPC",
                                               "shareProcessNamespace",
                                               "securityContext",
                                               "imagePullSecrets",
                                               "hostname",
                                               "subdomain",
                                               "affinity",
                                               "schedulerName",
                                               "tolerations",
                                               "hostAliases",
                                               "priorityClassName",
                                               "priority",
                                               "dnsConfig",
                                               "readinessGates",
                                               "runtimeClassName",
                                               "enableServiceLinks",
                                               "preemptionPolicy",
                                               "overhead",
                                               "topologySpreadConstraints",
                                               "setHostnameAsFQDN",
                                               "os",
                                               "hostUsers",
                                               "schedulingGates",
                                               "resourceClaims",
                                               "resources",
                                               "hostnameOverride",
                                               "workloadRef"};
constexpr Child kPodSpecChildren[] = {{"containers", &kContainer}, {"initContainers", &kContainer}};
constexpr Level kPodSpec{.read = kPodSpecRead, .others = kPodSpecOthers, .children = kPodSpecChildren};
constexpr std::string_view kPodIpFields[] = {"ip"};
constexpr Level kPodIp{.read = kPodIpFields};
constexpr std::string_view kPodStatusRead[] = {"phase", "podIP", "podIPs", "hostIP", "hostIPs"};
constexpr std::string_view kPodStatusOthers[] = {"observedGeneration",
                                                 "conditions",
                                                 "message",
                                                 "reason",
                                                 "nominatedNodeName",
                                                 "startTime",
                                                 "initContainerStatuses",
                                                 "containerStatuses",
                                                 "qosClass",
                                                 "ephemeralContainerStatuses",
                                                 "resize",
                                                 "resourceClaimStatuses",
                                                 "extendedResourceClaimStatus",
                                                 "allocatedResources",
                                                 "resources"};
constexpr Child kPodStatusChildren[] = {{"podIPs", &kPodIp}};
constexpr Level kPodStatus{.read = kPodStatusRead, .others = kPodStatusOthers, .children = kPodStatusChildren};

// ---- Node ----
constexpr std::string_view kTaintFields[] = {"key", "value", "effect", "timeAdded"};
constexpr Level kTaint{.read = kTaintFields};
constexpr std::string_view kNodeSpecFields[] = {"taints",        "podCIDR",      "podCIDRs",  "providerID",
                                                "unschedulable", "configSource", "externalID"};
constexpr Child kNodeSpecChildren[] = {{"taints", &kTaint}};
constexpr Level kNodeSpec{.read = kNodeSpecFields, .children = kNodeSpecChildren};
constexpr std::string_view kNodeAddressFields[] = {"type", "address"};
constexpr Level kNodeAddress{.read = kNodeAddressFields};
constexpr std::string_view kNodeStatusRead[] = {"addresses"};
constexpr std::string_view kNodeStatusOthers[] = {
    "capacity",     "allocatable",     "phase",  "conditions",      "daemonEndpoints",  "nodeInfo", "images",
    "volumesInUse", "volumesAttached", "config", "runtimeHandlers", "declaredFeatures", "features"};
constexpr Child kNodeStatusChildren[] = {{"addresses", &kNodeAddress}};
constexpr Level kNodeStatus{.read = kNodeStatusRead, .others = kNodeStatusOthers, .children = kNodeStatusChildren};

// ---- Service ----
constexpr std::string_view kServicePortFields[] = {"name", "protocol", "appProtocol", "port", "targetPort", "nodePort"};
constexpr Level kServicePort{.read = kServicePortFields};
constexpr std::string_view kServiceSpecFields[] = {"ports",
                                                   "selector",
                                                   "clusterIP",
                                                   "clusterIPs",
                                                   "type",
                                                   "externalIPs",
                                                   "sessionAffinity",
                                                   "loadBalancerIP",
                                                   "loadBalancerSourceRanges",
                                                   "externalName",
                                                   "externalTrafficPolicy",
                                                   "healthCheckNodePort",
                                                   "publishNotReadyAddresses",
                                                   "sessionAffinityConfig",
                                                   "ipFamilies",
                                                   "ipFamilyPolicy",
                                                   "allocateLoadBalancerNodePorts",
                                                   "loadBalancerClass",
                                                   "internalTrafficPolicy",
                                                   "trafficDistribution"};
constexpr std::string_view kServiceSpecOthers[] = {"ipFamily", "topologyKeys"};  // of former versions
constexpr Child kServiceSpecChildren[] = {{"ports", &kServicePort}};
constexpr Level kServiceSpec{
    .read = kServiceSpecFields, .others = kServiceSpecOthers, .children = kServiceSpecChildren};
constexpr std::string_view kIngressFields[] = {"ip", "hostname", "ipMode", "ports"};
constexpr Level kLoadBalancerIngress{.read = kIngressFields};
constexpr std::string_view kLoadBalancerFields[] = {"ingress"};
constexpr Child kLoadBalancerChildren[] = {{"ingress", &kLoadBalancerIngress}};
constexpr Level kLoadBalancer{.read = kLoadBalancerFields, .children = kLoadBalancerChildren};
constexpr std::string_view kServiceStatusFields[] = {"loadBalancer", "conditions"};
constexpr Child kServiceStatusChildren[] = {{"loadBalancer", &kLoadBalancer}};
constexpr Level kServiceStatus{.read = kServiceStatusFields, .children = kServiceStatusChildren};

// ---- EndpointSlice ----
constexpr std::string_view kConditionFields[] = {"ready", "serving", "terminating"};
constexpr Level kConditions{.read = kConditionFields};
constexpr std::string_view kHintFields[] = {"forZones", "forNodes"};
constexpr Level kHints{.read = kHintFields};
constexpr std::string_view kEndpointFields[] = {"addresses",          "conditions", "hostname", "targetRef",
                                                "deprecatedTopology", "nodeName",   "zone",     "hints"};
constexpr Child kEndpointChildren[] = {{"conditions", &kConditions}, {"hints", &kHints}};
constexpr Level kEndpoint{.read = kEndpointFields, .children = kEndpointChildren};
constexpr std::string_view kEndpointPortFields[] = {"name", "protocol", "port", "appProtocol"};
constexpr Level kEndpointPort{.read = kEndpointPortFields};

// ---- The kinds ----
constexpr std::string_view kObjectFields[] = {"apiVersion", "kind", "metadata", "spec", "status"};
constexpr std::string_view kSliceFields[] = {"apiVersion", "kind", "metadata", "addressType", "endpoints", "ports"};
constexpr Child kPodChildren[] = {{"metadata", &kMetadata}, {"spec", &kPodSpec}, {"status", &kPodStatus}};
constexpr Child kNodeChildren[] = {{"metadata", &kMetadata}, {"spec", &kNodeSpec}, {"status", &kNodeStatus}};
constexpr Child kServiceChildren[] = {{"metadata", &kMetadata}, {"spec", &kServiceSpec}, {"status", &kServiceStatus}};
constexpr Child kSliceChildren[] = {{"metadata", &kMetadata}, {"endpoints", &kEndpoint}, {"ports", &kEndpointPort}};
constexpr Child kOtherChildren[] = {{"metadata", &kMetadata}};

constexpr Level kPod{.read = kObjectFields, .children = kPodChildren, .is_closed = true};
constexpr Level kNode{.read = kObjectFields, .children = kNodeChildren, .is_closed = true};
constexpr Level kService{.read = kObjectFields, .children = kServiceChildren, .is_closed = true};
constexpr Level kSlice{.read = kSliceFields, .children = kSliceChildren, .is_closed = true};
constexpr Level kOther{.read = kObjectFields, .children = kOtherChildren, .is_closed = true};

const Level& level_of(std::string_view kind) {
    if (kind == "Pod")
        return kPod;
    if (kind == "Node")
        return kNode;
    if (kind == "Service")
        return kService;
    return kind == "EndpointSlice" ? kSlice : kOther;
}

void check_level(const Level& level, const Field& field) {
    if (level.is_closed && field.is_object())
        field.has_only(level.read);
    else
        field.check_spelling(level.read, level.others);
    for (const Child& child : level.children) {
        const Field member = field.member(child.field);
        if (member.is_list())
            for (const Field& item : member.items())
                check_level(*child.level, item);
        else if (member.is_object())
            check_level(*child.level, member);
    }
}

}  // namespace

void check_fields(std::string_view kind, const Field& object) {
    check_level(level_of(kind), object);
}

}  // namespace catflap::source
