// Serves the page and the client that it imports, and nothing else:
//
//     node examples/web/serve.mjs [PORT]
//
// scripts/web.sh builds the client first, and starts a server that allows the page's origin.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const SERVED = ["/examples/web/", "/clients/typescript/dist/"];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

/**
 * Starts the server; answers with it once it listens.
 *
 * @param {number} port
 */
export async function serve(port) {
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url ?? "/", ROOT);
        if (pathname === "/" || pathname === "/examples/web/") {
            response.writeHead(302, { location: "/examples/web/index.html" }).end();
            return;
        }
        try {
            const type = TYPES[/** @type {keyof TYPES} */ (extname(pathname))];
            const isServed = SERVED.some((folder) => pathname.startsWith(folder));
            if (!type || !isServed) throw new Error("not served");
            // The address is normal by now, so it cannot lead out of the folders.
            const body = await readFile(new URL(pathname.slice(1), ROOT));
            response.writeHead(200, { "content-type": type, "cache-control": "no-store" });
            response.end(body);
        } catch {
            response.writeHead(404).end();
        }
    });
    await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
    return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const port = Number(process.argv[2] ?? 8788);
    await serve(port);
    console.log(`http://127.0.0.1:${port}/`);
}
