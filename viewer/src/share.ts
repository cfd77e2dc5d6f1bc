// A spec in the fragment of an address, which browsers send to no server: compressed, in the alphabet of URLs.
import type { Values } from "./transport";

export interface Shared {
  file: string;
  text?: string; // where it is not that of the gallery
  parameters?: Values;
}

const MOST = 1_000_000; // characters, unpacked: an address is a stranger's

export async function packed(shared: Shared): Promise<string> {
  if (shared.text === undefined && !Object.keys(shared.parameters ?? {}).length) return `#${encodeURIComponent(shared.file)}`;
  const stream = new Blob([JSON.stringify(shared)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return `#spec=${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

// Null where a fragment is none of ours; rejects where it is damaged.
export async function unpacked(fragment: string): Promise<Shared | null> {
  if (fragment.length < 2) return null;
  if (!fragment.startsWith("#spec=")) return { file: decodeURIComponent(fragment.slice(1)) };
  const binary = atob(fragment.slice(6).replaceAll("-", "+").replaceAll("_", "/"));
  const data = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    if (text.length > MOST) throw new Error("too large");
  }
  return checked(JSON.parse(text));
}

function checked(found: unknown): Shared {
  const { file, text, parameters } = found as Partial<Shared>;
  const plain = (value: unknown) => ["number", "boolean", "string"].includes(typeof value);
  if (typeof file !== "string" || (text !== undefined && typeof text !== "string")) throw new Error("not a spec");
  if (parameters !== undefined && (typeof parameters !== "object" || !Object.values(parameters ?? {}).every(plain))) throw new Error("not a spec");
  return { file, text, parameters: parameters ?? {} };
}
