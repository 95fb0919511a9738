# Node's slim image by its exact tag, on the Debian release (13) that has full security support; a release of ours adds
# the digests it was tested with:
#   docker build --build-arg NODE_DIGEST=sha256:… --build-arg NODE_COMPILER_DIGEST=sha256:… --tag gatehouse:VERSION .
ARG NODE_DIGEST=
ARG NODE_COMPILER_DIGEST=

FROM node:26.10.0-trixie-slim${NODE_DIGEST:+@${NODE_DIGEST}} AS build
# Every RUN keeps to this folder and takes node from PATH: test/dockerfile.test.ts runs the same lines without Docker.
WORKDIR /build

COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-bin-links --no-audit --no-fund

# The C libraries that node and the bindings of argon2 and bcrypt are linked with, at the paths this architecture has them.
RUN mkdir system \
 && ldd "$(command -v node)" $(node -p '["argon2", "bcrypt"].map((name) => require("node-gyp-build").path("node_modules/" + name)).join(" ")') > libraries \
 && awk '/=>/ { print $3 } /^\t\// { print $1 }' libraries | sort -u | xargs cp -L --parents -t system

# The slim image holds no certificates: Node's own list of authorities becomes the file other software looks for.
# No time zones: Node brings ICU's, and every time Gatehouse writes is UTC.
RUN mkdir -p system/etc/ssl/certs \
 && node -p 'require("node:tls").rootCertificates.join("\n")' > system/etc/ssl/certs/ca-certificates.crt \
 && echo 'gatehouse:x:65532:65532::/nonexistent:/sbin/nologin' > system/etc/passwd \
 && echo 'gatehouse:x:65532:' > system/etc/group \
 && echo 'hosts: files dns' > system/etc/nsswitch.conf \
 && mkdir -m 1777 system/tmp \
 && mkdir volume \
 && mkdir -m 700 volume/data

# What the image runs is a bundle: a few files of JavaScript, compiled ahead, and the packages that cannot be in them.
COPY .ci/bundle/package.json .ci/bundle/package-lock.json .ci/bundle/
RUN npm ci --prefix .ci/bundle --ignore-scripts --no-bin-links --no-audit --no-fund
COPY .ci/bundle/bundle.js .ci/bundle/compile.js .ci/bundle/
COPY argon2-build.ts check-node.js app.ts cli.ts config.ts server.ts ./
COPY cli cli/
COPY config config/
COPY plugins plugins/
COPY routes routes/
COPY schemas schemas/
# A checkout made under a strict umask is unreadable to the user below.
RUN node .ci/bundle/bundle.js app && chmod -R u=rwX,go=rX app

# Debian's compilers are in the image that is not slim; nothing else of it goes on.
FROM node:26.10.0-trixie${NODE_COMPILER_DIGEST:+@${NODE_COMPILER_DIGEST}} AS native
WORKDIR /build
COPY --from=build /build/node_modules/ node_modules/
COPY package.json argon2-build.ts check-node.js ./
COPY .ci/build-argon2.js .ci/
# argon2 for wider registers: twice as many passwords a second and more, where the processor has them. On ARM an empty folder.
RUN npm run --silent build:argon2

FROM scratch
LABEL org.opencontainers.image.title="Gatehouse" \
      org.opencontainers.image.description="Authentication service to put behind an API gateway" \
      org.opencontainers.image.licenses="MIT"

# What changes least comes first. Folders are copied by their parent, which keeps the mode and owner of each.
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /build/system/ /
COPY --from=build --chown=65532:65532 /build/volume/ /
COPY --from=build /build/app/ /app/
COPY --from=native /build/native/ /app/native/

# One malloc arena: the threads that hash passwords would otherwise each keep memory of their own. In huge pages, where the system has
# them: argon2 goes through 19 MiB out of order, and a tenth to a fifth of its time would go into asking for small ones and finding them.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATABASE_URL=sqlite:/data/gatehouse.db \
    MALLOC_ARENA_MAX=1 \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1

WORKDIR /app
VOLUME ["/data"]
EXPOSE 3000
USER 65532:65532

HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/usr/local/bin/node", "-e", "http.get({ host: '127.0.0.1', port: process.env.PORT, path: '/health/live' }, (reply) => process.exit(reply.statusCode === 200 ? 0 : 1))"]

# The command line tool is the same image: docker run --rm -v gatehouse:/data gatehouse cli.js migrate
# New objects get 4 MiB at a time and not 16: some 35 MiB less memory under load, and no slower.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--import", "./check-node.js"]
CMD ["server.js"]
