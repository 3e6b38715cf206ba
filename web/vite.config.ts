import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Writes `name.gz` beside every text file of the build, so that the server never compresses while it streams. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "dist" }, bundle) {
      const files = Object.values(bundle).filter(({ fileName }) => /\.(html|js|css|svg|ttf)$/.test(fileName));
      await Promise.all(
        files.map((file) => {
          const content = file.type === "chunk" ? file.code : file.source;
          return writeFile(join(dir, `${file.fileName}.gz`), gzipSync(content, { level: 9 }));
        }),
      );
    },
  };
}

export default defineConfig({
  base: "./", // relative, so that the pages also work under a path prefix
  plugins: [react(), compressed()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 4000, // Monaco is one large chunk by design
    reportCompressedSize: false,
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      checks: { moduleLevelDirective: false }, // React's "use no memo" means nothing to a bundle
    },
  },
  server: {
    proxy: {
      "^/(graphql|schema\\.graphql|healthz)$": { target: "http://127.0.0.1:8000", ws: true },
    },
  },
});
