# syntax=docker/dockerfile:1
# The image of navi: the program, certificates, git and ssh. What projects are built with (compilers, interpreters)
# belongs into an image of your own that begins with this one. See docs/DEPLOYMENT_GUIDE.md.

FROM docker.io/library/rust:1.95.0-slim-bookworm AS build
WORKDIR /build
ENV SQLX_OFFLINE=true CARGO_INCREMENTAL=0
COPY Cargo.toml Cargo.lock build.rs ./
COPY vendor vendor
COPY .sqlx .sqlx
COPY migrations migrations
COPY examples examples
# Cargo wants every target that Cargo.toml names to be there, also those that it does not build.
COPY benches benches
COPY src src
RUN cargo build --release --locked --bin navi && target/release/navi --version

FROM docker.io/library/debian:12.12-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="navi" \
      org.opencontainers.image.description="The backend of an autonomous engineering assistant: one binary over Postgres." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# tini waits for the processes whose parents are gone, which is the task of the first process of a container.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 navi \
    && useradd --uid 1000 --gid 1000 --home-dir /var/lib/navi --shell /usr/sbin/nologin navi \
    && install -d -m 0700 -o navi -g navi /var/lib/navi \
    && install -d -m 0750 -o navi -g navi /srv/navi/workspaces
COPY --from=build /build/target/release/navi /usr/local/bin/navi
# By its number, because a cluster that demands another user than root cannot tell by a name.
USER 1000:1000
WORKDIR /var/lib/navi
ENV APP_ENV=production NAVI_BIND=0.0.0.0:8787 NAVI_DATA_DIR=/var/lib/navi LOG_FORMAT=json
EXPOSE 8787
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/navi"]
CMD ["serve"]
