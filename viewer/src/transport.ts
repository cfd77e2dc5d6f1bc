// Whoever checks texts for the page: a server on the same machine (live.ts) or a worker in the browser (python.ts).
import type { Document } from "./protocol";

export type Values = Record<string, number | boolean | string>;
export type Form = "py" | "svg";

// A text to check; `against`: what it is compared with.
export interface Asked {
  file: string;
  text: string;
  parameters: Values;
  against?: { file: string; text: string };
}

// A text to write as PyTorch source or a picture, and what the picture follows of the diagram.
export interface Writing {
  file: string;
  text: string;
  parameters: Values;
  theme: "light" | "dark";
  by: string;
  open?: string[]; // keys of parts
}

export interface Transport {
  check(asked: Asked, done: (found: Document) => void, failed: (why: string) => void): void;
  // What a text compiles to. Rejects with the reason.
  write(form: Form, writing: Writing): Promise<string>;
}

// At most one job runs; of those asked for meanwhile, the latest of each file runs next.
export class Latest {
  private busy = false;
  private readonly waiting = new Map<string, () => Promise<void>>();

  run(file: string, job: () => Promise<void>): void {
    this.waiting.delete(file); // so that the latest is last
    this.waiting.set(file, job);
    if (this.busy) return;
    this.busy = true;
    void (async () => {
      for (const [next, wanted] of this.waiting) {
        this.waiting.delete(next);
        await wanted();
      }
      this.busy = false;
    })();
  }
}
