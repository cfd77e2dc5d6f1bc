// The server on the same machine: checks texts, saves them, tells of changes on disk.
import type { Document, ReviewLine, RunData, Start } from "./protocol";
import { type Asked, type Form, Latest, type Transport, type Values } from "./transport";

export const ENDED = "netspec view has ended. Start it again, and open the address that it prints; Download keeps your text.";

export type Changed = { file: string; text: string; version: string } | { file: string; error: string; gone: boolean };

export class Live implements Transport {
  private readonly checks = new Latest();
  onEnd: () => void = () => undefined;
  onSlow: (slow: boolean) => void = () => undefined; // whether a check takes its time

  constructor(private readonly start: Start) {}

  private async post(path: string, data: unknown, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(path, {
        signal,
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Netspec-Token": this.start.token },
        body: JSON.stringify(data),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      this.onEnd();
      throw new Error("netspec view has ended");
    }
  }

  check(asked: Asked, done: (found: Document) => void, failed: (why: string) => void): void {
    this.checks.run(async () => {
      const timer = setTimeout(() => this.onSlow(true), 1000);
      try {
        const answer = await this.post("/api/check", asked);
        if (answer.ok) done((await answer.json()) as Document);
        else failed(await said(answer));
      } catch {
        failed(""); // the page knows that it has ended
      }
      clearTimeout(timer);
      this.onSlow(false);
    });
  }

  async write(form: Form, file: string, text: string, parameters: Values, theme: "light" | "dark"): Promise<string> {
    const answer = await this.post("/api/write", { form, file, text, parameters, theme });
    if (!answer.ok) throw new Error(await said(answer));
    return ((await answer.json()) as { text: string }).text;
  }

  async save(file: string, text: string, version: string): Promise<{ version: string; conflict: string | null }> {
    const answer = await this.post("/api/save", { file, text, version });
    if (!answer.ok && answer.status !== 409) throw new Error(await said(answer));
    const data = (await answer.json()) as { version: string; text?: string };
    return { version: data.version, conflict: answer.status === 409 ? data.text ?? "" : null };
  }

  // Evaluates a run, line by line; an aborted signal ends the process that does it.
  async review(run: string, part: string, told: (line: ReviewLine) => void, signal: AbortSignal): Promise<void> {
    const answer = await this.post("/api/review", { run, part }, signal);
    if (!answer.ok) throw new Error(await said(answer));
    await eachLine(answer, (line) => told(line as ReviewLine));
  }

  // Calls `changed` whenever a file changes on disk, `ran` whenever a run does.
  async watch(changed: (event: Changed) => void, ran: (run: RunData) => void): Promise<void> {
    try {
      const answer = await fetch("/api/events", { headers: { "X-Netspec-Token": this.start.token } });
      await eachLine(answer, (line) => {
        const event = line as { run: RunData } | Changed;
        if ("run" in event) ran(event.run);
        else changed(event);
      });
    } catch {
      // it was killed
    }
    this.onEnd();
  }
}

// Why a request was refused.
async function said(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    return (JSON.parse(text) as { error?: string }).error ?? text;
  } catch {
    return text;
  }
}

async function eachLine(answer: Response, told: (line: unknown) => void): Promise<void> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let held: string[] = []; // pieces of a line that has not ended
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = value.split("\n");
    held.push(lines[0]);
    if (lines.length === 1) continue;
    for (const line of [held.join(""), ...lines.slice(1, -1)]) if (line) told(JSON.parse(line));
    held = [lines[lines.length - 1]];
  }
}
