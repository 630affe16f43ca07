# SPDX-License-Identifier: Apache-2.0
# The agent and the CLI. To run it, give it the node's network, bpffs, and a directory of manifests (docs/operating.md).
# AppArmor's docker-default forbids writing below /sys/fs/bpf, whatever the capabilities:
#   docker run -d --restart always --network host --security-opt apparmor=unconfined \
#       --cap-drop ALL --cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON --cap-add NET_RAW \
#       -v /sys/fs/bpf:/sys/fs/bpf -v /run/catflap:/run/catflap -v /etc/catflap/manifests:/manifests:ro \
#       catflap --source /manifests --node NAME
FROM debian:bookworm-slim AS build
WORKDIR /src
# The packages first, in a layer of their own: they change less often than the source.
COPY scripts/packages scripts/install scripts/
RUN scripts/install build
COPY . .
RUN scripts/build --preset release catflapd catflap && \
    strip build/release/bin/catflapd build/release/bin/catflap

FROM debian:bookworm-slim
COPY scripts/packages scripts/install /tmp/scripts/
RUN /tmp/scripts/install run && rm -rf /tmp/scripts /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/catflapd /src/build/release/bin/catflap /usr/local/bin/
COPY LICENSE /usr/share/doc/catflap/LICENSE
COPY bpf/LICENSE /usr/share/doc/catflap/LICENSE.bpf
HEALTHCHECK CMD ["catflap", "status", "--check"]
ENTRYPOINT ["catflapd"]
