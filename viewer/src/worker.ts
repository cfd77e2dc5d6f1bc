// netspec in a worker: loads Python (Pyodide), then answers one request after the other (netspec/playground/session.py).

export interface Load {
  pyodide: string; // addresses
  archive: string;
  specs: [string, string][];
}

export type FromWorker =
  | { kind: "loaded"; bytes: number }
  | { kind: "ready" }
  | { kind: "failed"; why: string }
  | { kind: "answer"; id: number; text: string }
  | { kind: "crash"; id: number; why: string };

interface Pyodide {
  FS: { mkdirTree(path: string): void; writeFile(path: string, text: string): void };
  unpackArchive(data: ArrayBuffer, format: string, options: { extractDir: string }): void;
  runPython(code: string): { answer(request: string): string };
}

const post = (message: FromWorker) => self.postMessage(message);

// Everything is fetched through here, so that the page can say how much has come.
const asked = self.fetch.bind(self);
let bytes = 0;
self.fetch = async (...wanted: Parameters<typeof fetch>) => {
  const answer = await asked(...wanted);
  if (!answer.ok) throw new Error(`${answer.url} cannot be loaded (${answer.status})`);
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, next) {
      bytes += piece.byteLength;
      post({ kind: "loaded", bytes });
      next.enqueue(piece);
    },
  });
  return new Response(answer.body!.pipeThrough(counted), { status: answer.status, headers: answer.headers });
};

async function start({ pyodide: folder, archive, specs }: Load): Promise<{ answer(request: string): string }> {
  const packages = self.fetch(archive).then((answer) => answer.arrayBuffer());
  const { loadPyodide } = (await import(`${folder}pyodide.mjs`)) as { loadPyodide(options: object): Promise<Pyodide> };
  const python = await loadPyodide({ indexURL: folder, env: { HOME: "/" } });
  python.unpackArchive(await packages, "zip", { extractDir: "/packages" });
  for (const [name, text] of specs) {
    const path = `/specs/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, text);
  }
  return python.runPython(
    "import sys; sys.path.insert(0, '/packages')\nfrom netspec.playground.session import Session\nSession('/specs')",
  );
}

let session: Promise<{ answer(request: string): string }> | null = null;
self.onmessage = async ({ data }: MessageEvent<Load | { id: number; request: string }>) => {
  if ("pyodide" in data) {
    session = start(data);
    session.then(() => post({ kind: "ready" }), (error) => post({ kind: "failed", why: String(error) }));
    return;
  }
  let python;
  try {
    python = await session!;
  } catch {
    return; // said already
  }
  try {
    post({ kind: "answer", id: data.id, text: python.answer(data.request) });
  } catch (error) {
    const why = String(error).trim().split("\n").pop()!;
    post({ kind: "crash", id: data.id, why: why.includes("call stack") ? "the text is nested more deeply than a browser can follow" : why });
  }
};
