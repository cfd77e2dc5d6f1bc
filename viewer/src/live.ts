// The server on the same machine: checks texts, saves them, tells of changes on disk.
import type { Document, Start } from "./protocol";
import { type Form, Latest, type Transport, type Values } from "./transport";

export class Live implements Transport {
  private readonly checks = new Latest();

  constructor(private readonly start: Start) {}

  private async post(path: string, data: unknown): Promise<Response> {
    return fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Netspec-Token": this.start.token },
      body: JSON.stringify(data),
    });
  }

  check(file: string, text: string, parameters: Values, done: (found: Document) => void, failed: (why: string) => void): void {
    this.checks.run(async () => {
      try {
        const answer = await this.post("/api/check", { file, text, parameters });
        if (answer.ok) done((await answer.json()) as Document);
        else failed(await answer.text());
      } catch {
        failed("netspec view has ended: start it again, then reload this page");
      }
    });
  }

  async write(form: Form, file: string, text: string, parameters: Values, theme: "light" | "dark"): Promise<string> {
    const answer = await this.post("/api/write", { form, file, text, parameters, theme });
    const data = (await answer.json()) as { text: string; error?: string };
    if (!answer.ok) throw new Error(data.error);
    return data.text;
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
