# The runtime dependencies alone, installed where nothing else of the build is kept.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No runtime dependency has an install script (test/dependencies.test.ts), so none gets to run one.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# Node runs the TypeScript sources as they are: there is nothing to compile.
FROM node:26-slim
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src

# Everything that must survive the container is in the one volume, owned by the user the server runs as. Several nodes
# mount one more at the images, which then begins with that owner.
RUN mkdir -p /data/images && chown node:node /data /data/images
USER node
VOLUME /data

# The thread pool is sized so that hashing passwords or reading files cannot hold up the journal's syncs.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data \
    UV_THREADPOOL_SIZE=16
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
