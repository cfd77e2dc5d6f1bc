// netspec in a worker of this page: the transport of the playground.
import type { Document, Site } from "./protocol";
import { type Asked, type Form, Latest, type Transport, type Writing } from "./transport";
import type { FromWorker, Load } from "./worker";

export interface PythonState {
  phase: "loading" | "ready" | "failed";
  bytes: number; // that have come
  working: boolean;
  why: string; // it failed
}

const STOPPED = "stopped: the text is checked again when it changes";

export class Python implements Transport {
  state: PythonState = { phase: "loading", bytes: 0, working: false, why: "" };
  onState: (state: PythonState) => void = () => {};
  private worker: Worker | null = null;
  private readonly checks = new Latest();
  private readonly waiting = new Map<number, { request: string; done: (text: string) => void; failed: (why: Error) => void }>();
  private last = 0;

  constructor(private readonly site: Site, private readonly specs: [string, string][]) {}

  // Loads Python; the page is painted first.
  begin(): void {
    if (location.protocol === "file:") {
      this.change({ phase: "failed", why: "Python does not run in a page opened as a file. Serve its folder: python -m http.server" });
      return;
    }
    const address = (name: string) => new URL(name, document.baseURI).href;
    // A worker made of text has the policy of this page; one loaded by its address would have none.
    const text = URL.createObjectURL(new Blob([this.site.worker], { type: "text/javascript" }));
    const worker = new Worker(text, { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    worker.onerror = () => this.change({ phase: "failed", why: "Python could not be loaded" });
    worker.postMessage({
      pyodide: address(this.site.pyodide), archive: address(this.site.archive), specs: this.specs,
    } satisfies Load);
    this.worker = worker;
    for (const [id, { request }] of this.waiting) worker.postMessage({ id, request });
  }

  // Ends what runs, and starts Python anew.
  stop(why = STOPPED): void {
    this.worker?.terminate();
    const ended = [...this.waiting.values()];
    this.waiting.clear();
    this.change({ phase: "loading", bytes: 0, working: false });
    this.begin();
    for (const { failed } of ended) failed(new Error(why));
  }

  check(asked: Asked, done: (found: Document) => void, failed: (why: string) => void): void {
    this.checks.run(asked.file, async () => {
      try {
        done((await this.ask(asked)).document as Document);
      } catch (error) {
        failed((error as Error).message);
      }
    });
  }

  async write(form: Form, writing: Writing): Promise<string> {
    return (await this.ask({ form, ...writing })).text!;
  }

  // The document of a spec of the gallery, as Python wrote it when the site was made.
  async document(file: string): Promise<Document> {
    const name = file.split("/").map(encodeURIComponent).join("/");
    const answer = await fetch(`gallery/${name}.json`, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${file} could not be loaded (${answer.status})`);
    return (await answer.json()) as Document;
  }

  private async ask(asked: object): Promise<{ document?: Document; text?: string }> {
    if (this.state.phase === "failed") throw new Error(this.state.why);
    const id = ++this.last;
    const request = JSON.stringify(asked);
    const answer = await new Promise<string>((done, failed) => {
      this.waiting.set(id, { request, done, failed });
      this.change({ working: true });
      this.worker?.postMessage({ id, request });
    });
    const found = JSON.parse(answer) as { document?: Document; text?: string; error?: string };
    if (found.error !== undefined) throw new Error(found.error);
    return found;
  }

  private hear(data: FromWorker): void {
    if (data.kind === "loaded") this.change({ bytes: data.bytes });
    else if (data.kind === "ready") this.change({ phase: "ready" });
    else if (data.kind === "failed") {
      const why = `Python could not be loaded: ${data.why}`;
      this.change({ phase: "failed", why, working: false });
      for (const { failed } of this.waiting.values()) failed(new Error(why));
      this.waiting.clear();
    } else if (data.kind === "crash") this.stop(`the text could not be checked: ${data.why}`);
    else {
      const { done } = this.waiting.get(data.id)!;
      this.waiting.delete(data.id);
      this.change({ working: this.waiting.size > 0 });
      done(data.text);
    }
  }

  private change(changed: Partial<PythonState>): void {
    this.state = { ...this.state, ...changed };
    this.onState(this.state);
  }
}
