// The files of the page: what is on disk of each, saved from here and followed from there.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Live } from "./live";
import type { Document, RunData } from "./protocol";

export interface OnDisk {
  text: string;
  version: string;
  gone: boolean; // saving writes it anew
  trouble: string; // why it cannot be read
}

export interface Hooks {
  texts: () => string[]; // as they are in the page
  onText: (index: number, text: string) => void; // a file has changed, and its text here has not
  onUsed: (index: number) => void; // a file that it uses may have changed
  onRun: (run: RunData) => void;
  onMessage: (text: string) => void;
}

export function useFiles(live: Live | null, documents: Document[], hooks: Hooks) {
  const [disk, setDisk] = useState<OnDisk[]>(documents.map(({ text, version }) => ({ text, version, gone: false, trouble: "" })));
  const [conflicts, setConflicts] = useState<(OnDisk | null)[]>(documents.map(() => null));
  const latest = useRef({ disk, hooks });
  latest.current.hooks = hooks;

  const know = (index: number, found: OnDisk) => {
    latest.current.disk = latest.current.disk.map((known, i) => (i === index ? found : known)); // at once: an event may be next
    setDisk(latest.current.disk);
    setConflicts((all) => all.map((c, i) => (i === index ? null : c)));
  };
  const differs = (index: number, found: OnDisk) => setConflicts((all) => all.map((c, i) => (i === index ? found : c)));

  useEffect(() => {
    live?.watch((event) => {
      const index = documents.findIndex((d) => d.file === event.file);
      if (index < 0) return;
      const { disk: all, hooks: now } = latest.current;
      const [known, text] = [all[index], now.texts()[index]];
      if ("error" in event || event.version !== known.version) now.onMessage(""); // what it says is older
      if ("error" in event) {
        know(index, { ...known, gone: event.gone, trouble: event.error });
        return now.onUsed(index);
      }
      const found = { text: event.text, version: event.version, gone: false, trouble: "" };
      const edited = text !== known.text && text !== found.text;
      if (edited && known.version !== found.version) {
        differs(index, found);
        return now.onUsed(index);
      }
      know(index, found);
      if (!edited && text !== found.text) now.onText(index, found.text);
      else now.onUsed(index);
    }, (run) => latest.current.hooks.onRun(run));
  }, []);

  const unsaved = (index: number, text: string) => text !== disk[index].text || disk[index].gone;
  const any = live !== null && hooks.texts().some((text, i) => unsaved(i, text));
  useEffect(() => {
    if (!any) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [any]);

  const save = async (index: number) => {
    if (!live) return;
    const text = hooks.texts()[index];
    try {
      const done = await live.save(documents[index].file, text, latest.current.disk[index].version);
      const found = { text: done.conflict ?? text, version: done.version, gone: false, trouble: "" };
      if (done.conflict !== null) return differs(index, found);
      know(index, found);
      hooks.onMessage("saved");
    } catch (error) {
      hooks.onMessage((error as Error).message);
    }
  };
  const take = (index: number) => {
    const theirs = conflicts[index]!;
    know(index, theirs);
    hooks.onText(index, theirs.text);
  };
  return { disk, conflicts, unsaved, save, take, keep: (index: number) => know(index, conflicts[index]!) };
}
