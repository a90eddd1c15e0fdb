# One image for every role: ARTLY_ROLE, or the command, says what a container does.
FROM node:24-slim

ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 NODE_COMPILE_CACHE=/app/.compile-cache
WORKDIR /app
RUN mkdir data .compile-cache && chown node:node data .compile-cache

# Without scripts: the only one there is fetches a Node, and this image is one.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force

COPY LICENSE ./
COPY server/src server/src

# Small nurseries keep the memory flat (docs/operations.md). The cache is good for the same flags only.
ARG NODE_FLAGS="--max-semi-space-size=1 --initial-old-space-size=16"

# Nothing but data and the cache is writable for who runs it. The cache has a folder a user, so this user fills it: a
# server that starts and stops in an orderly way has loaded all there is, threads too.
USER node
RUN DATABASE_URL=sqlite:/tmp/warm-up.db ARTLY_LOG_LEVEL=warn \
  timeout --foreground --preserve-status --signal=TERM 5 node $NODE_FLAGS server/src/cli.ts serve && rm -f /tmp/warm-up.db*

VOLUME /app/data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# Node is process 1: it handles SIGTERM itself, and waits for the one process it starts, when the dashboard is first opened.
ENTRYPOINT ["node", "--max-semi-space-size=1", "--initial-old-space-size=16", "server/src/cli.ts"]
CMD ["serve"]
