// The server on the same machine: checks texts, saves them, tells of changes on disk.
import type { Document, ReviewLine, RunData, Start } from "./protocol";
import { type Asked, type Form, Latest, type Transport, type Writing } from "./transport";

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
    this.checks.run(asked.file, async () => {
      const timer = setTimeout(() => this.onSlow(true), 1000);
      try {
        done(await answered<Document>(await this.post("/api/check", asked)));
      } catch (error) {
        failed((error as Error).message);
      }
      clearTimeout(timer);
      this.onSlow(false);
    });
  }

  async write(form: Form, writing: Writing): Promise<string> {
    return (await answered<{ text: string }>(await this.post("/api/write", { form, ...writing }))).text;
  }

  async save(file: string, text: string, version: string): Promise<{ version: string; conflict: string | null }> {
    const found = await answered<{ version: string; text?: string }>(await this.post("/api/save", { file, text, version }));
    return { version: found.version, conflict: found.text ?? null };
  }

  // Evaluates a run, line by line; an aborted signal ends the process that does it.
  async review(run: string, part: string, told: (line: ReviewLine) => void, signal: AbortSignal): Promise<void> {
    const answer = await this.post("/api/review", { run, part }, signal);
    if (!answer.ok) throw await refusal(answer);
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

// What was asked for; throws where the text, a file or the request does not allow it.
async function answered<T>(answer: Response): Promise<T> {
  if (!answer.ok) throw await refusal(answer);
  const found = (await answer.json()) as T & { error?: string };
  if (found.error !== undefined) throw new Error(found.error);
  return found;
}

async function refusal(answer: Response): Promise<Error> {
  const text = await answer.text();
  try {
    return new Error((JSON.parse(text) as { error?: string }).error ?? text);
  } catch {
    return new Error(text);
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
