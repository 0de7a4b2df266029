// One file that opens offline: script and styles stand in the page.
import { defineConfig, type Plugin } from "vite";

function inline(): Plugin {
  return {
    name: "inline",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("no page was built");
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (name === "index.html") continue;
        if (file.type === "chunk") {
          html = html.replace(/<script type="module"[^>]*><\/script>\s*/, "");
          const code = file.code.replaceAll("</script", "<\\/script");
          html = html.replace("</body>", () => `<script type="module">${code}</script>\n</body>`);
        } else if (name.endsWith(".css")) {
          html = html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${String(file.source)}</style>`);
        } else {
          throw new Error(`${name} would be a second file`);
        }
        delete bundle[name];
      }
      page.source = html;
    },
  };
}

export default defineConfig({
  plugins: [inline()],
  build: { target: "es2022", modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 1e9, reportCompressedSize: false },
});
