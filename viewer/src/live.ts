// The server on the same machine: checks texts, saves them, tells of changes on disk.
import type { Document, Start } from "./protocol";

type Values = Record<string, number | boolean | string>;

export class Live {
  private busy = false;
  private next: (() => Promise<void>) | null = null;

  constructor(private readonly start: Start) {}

  private async post(path: string, data: unknown): Promise<Response> {
    return fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Netspec-Token": this.start.token },
      body: JSON.stringify(data),
    });
  }

  // At most one check runs; of those asked for meanwhile, the latest runs next.
  check(file: string, text: string, parameters: Values, done: (found: Document) => void, failed: (why: string) => void): void {
    const run = async () => {
      try {
        const answer = await this.post("/api/check", { file, text, parameters });
        if (answer.ok) done((await answer.json()) as Document);
        else failed(await answer.text());
      } catch {
        failed("netspec view has ended: start it again, then reload this page");
      }
    };
    if (this.busy) {
      this.next = run;
      return;
    }
    this.busy = true;
    void (async () => {
      await run();
      while (this.next) {
        const next: () => Promise<void> = this.next;
        this.next = null;
        await next();
      }
      this.busy = false;
    })();
  }

  async save(file: string, text: string, version: string): Promise<{ version: string; conflict: string | null }> {
    const answer = await this.post("/api/save", { file, text, version });
    const data = (await answer.json()) as { version: string; text?: string; error?: string };
    if (answer.status === 409) return { version: data.version, conflict: data.text ?? "" };
    if (!answer.ok) throw new Error(data.error ?? "the file could not be saved");
    return { version: data.version, conflict: null };
  }

  // Calls `changed` whenever a file changes on disk.
  async watch(changed: (file: string, text: string, version: string) => void): Promise<void> {
    const answer = await fetch("/api/events", { headers: { "X-Netspec-Token": this.start.token } });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      held += value;
      const lines = held.split("\n");
      held = lines.pop()!;
      for (const line of lines.filter(Boolean)) {
        const { file, text, version } = JSON.parse(line) as { file: string; text: string; version: string };
        changed(file, text, version);
      }
    }
  }
}
