// What a text compiles to: PyTorch source beside the spec, and files to take away.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Form, Latest, type Transport, type Writing } from "./transport";

export interface Written {
  transport: Transport;
  writing: Writing;
  used: number; // counts how often what the file uses has changed
}

export function Code(props: Written) {
  const { transport, writing } = props;
  const { file, text, parameters } = writing;
  const [code, setCode] = useState("");
  const [why, setWhy] = useState("");
  const writes = useRef(new Latest());
  useEffect(() => {
    let current = true;
    writes.current.run(file, async () => {
      if (!current) return;
      try {
        const found = await transport.write("py", writing);
        if (current) setCode(found), setWhy("");
      } catch (error) {
        if (current) setWhy((error as Error).message);
      }
    });
    return () => void (current = false);
  }, [file, text, JSON.stringify(parameters), props.used]);
  if (why) return <div class="code" role="tabpanel"><p class="empty">No PyTorch code: {why}</p></div>;
  return (
    <div class="code" role="tabpanel" tabIndex={0} aria-label="PyTorch source">
      <pre>{code ? coloured(code) : "…"}</pre>
    </div>
  );
}

const TOKENS =
  /("""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#.*)|\b(and|as|assert|class|def|elif|else|False|for|from|if|import|in|is|lambda|None|not|or|pass|raise|return|self|super|True|while|with|yield)\b|\b(\d[\d_.]*(?:e[+-]?\d+)?)\b/g;

function coloured(code: string) {
  const parts = [];
  let end = 0;
  for (const found of code.matchAll(TOKENS)) {
    parts.push(code.slice(end, found.index));
    const kind = found[1] ? (found[1].startsWith("#") ? "comment" : "string") : found[2] ? "keyword" : "number";
    parts.push(<span class={kind}>{found[0]}</span>);
    end = found.index + found[0].length;
  }
  return [...parts, code.slice(end)];
}

export function Downloads(props: Written & { onMessage: (text: string) => void }) {
  const { file, text } = props.writing;
  const stem = file.split(/[\\/]/).pop()!.replace(/\.net$/, "");
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (!menu.current!.open) return;
    menu.current!.open = false;
    menu.current!.querySelector("summary")!.focus();
  };
  const take = async (form: Form | "net", type: string) => {
    close();
    try {
      const content = form === "net" ? text : await props.transport.write(form, props.writing);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([content], { type }));
      link.download = `${stem}.${form}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      props.onMessage(`no ${form === "py" ? "PyTorch code" : "picture"}: ${(error as Error).message}`);
    }
  };
  return (
    <details
      class="menu" ref={menu} onKeyDown={(e) => e.key === "Escape" && close()}
      onFocusOut={(e) => e.relatedTarget instanceof Node && !menu.current!.contains(e.relatedTarget) && (menu.current!.open = false)}
    >
      <summary>Download</summary>
      <div>
        <button type="button" onClick={() => void take("net", "text/plain")}>Spec ({stem}.net)</button>
        <button type="button" onClick={() => void take("py", "text/x-python")}>PyTorch ({stem}.py)</button>
        <button type="button" onClick={() => void take("svg", "image/svg+xml")}>Picture ({stem}.svg)</button>
        <p>ONNX is written by the command, where netspec is installed with the onnx package:<br /><code>netspec compile {stem}.net -o {stem}.onnx</code></p>
      </div>
    </details>
  );
}
