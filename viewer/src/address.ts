// The address of the playground names what is shown: to share it, to find it again, and to go back to what was shown before.
import { useEffect, useRef } from "preact/hooks";
import { type Shared, packed, unpacked } from "./share";

// `now` is what is shown; `show` gets what an address names, `damaged` is called for one that cannot be read.
export function useAddress(on: boolean, now: () => Shared, show: (shared: Shared) => void, damaged: () => void, shown: unknown[]): () => Promise<void> {
  const address = useRef("");
  const start = useRef(now().file);
  const file = useRef(start.current); // of the address
  const read = async () => {
    if (location.hash === address.current) return;
    address.current = location.hash;
    try {
      const shared = (await unpacked(location.hash)) ?? { file: start.current };
      file.current = shared.file;
      show(shared);
    } catch {
      damaged();
    }
  };
  const write = async () => {
    const what = now();
    const text = await packed(what);
    if (text === address.current) return;
    address.current = text;
    if (what.file === file.current) history.replaceState(null, "", text);
    else history.pushState(null, "", text); // another spec: the browser's Back leads to the one before
    file.current = what.file;
  };
  const first = useRef(true);
  useEffect(() => {
    if (!on) return;
    if (first.current) {
      first.current = false;
      void read();
      window.addEventListener("hashchange", () => void read());
      return;
    }
    const timer = setTimeout(() => void write(), 400);
    return () => clearTimeout(timer);
  }, shown);
  return write;
}
