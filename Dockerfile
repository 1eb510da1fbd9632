# banana-batch as one image: the command, and the two servers it is tried out with. First form: it has been built up
# from the commands of "npm run setup", is not published anywhere, and no automated check builds it yet.
FROM golang:1.26-bookworm AS servers
WORKDIR /tools
COPY tools/go.mod tools/go.sum ./
RUN CGO_ENABLED=0 go build -ldflags='-s -w' -o /servers/ \
    github.com/temporalio/cli/cmd/temporal github.com/versity/versitygw/cmd/versitygw

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=servers /servers/ /usr/local/bin/
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY tools ./tools
# For the servers' data, and for sheets and the local data of "run" and "dev".
RUN mkdir -p /data /work && chown node:node /data /work
USER node
WORKDIR /work
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["worker"]
