# An image of proxylint alone; what it lints is mounted at /src.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH VERSION
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/proxylint ./cmd/proxylint

FROM scratch
ARG VERSION
LABEL org.opencontainers.image.title="proxylint" \
      org.opencontainers.image.description="Find what makes an nginx or HAProxy configuration answer 502, 503 or 504" \
      org.opencontainers.image.source="https://github.com/proxylint/proxylint" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY LICENSE /usr/share/doc/proxylint/LICENSE
COPY --from=build /out/proxylint /usr/bin/proxylint
USER 65532:65532
WORKDIR /src
ENTRYPOINT ["/usr/bin/proxylint"]
