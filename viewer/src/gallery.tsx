// The front of the playground: what netspec is, the specs of the gallery, and how far Python has come.
import { useEffect, useRef, useState } from "preact/hooks";
import { short } from "./numbers";
import type { Python, PythonState } from "./python";
import type { Entry, Site } from "./protocol";

export function Welcome(props: { site: Site; onHide: () => void }) {
  const { site } = props;
  return (
    <section class="welcome" aria-label="About netspec">
      <div>
        <h1>netspec</h1>
        <p>
          Neural networks as short as the table in the paper. Every shape, parameter and multiplication is checked as you type;
          the text compiles to PyTorch, ONNX and a diagram. This page is netspec itself, in your browser: what you write stays here.
        </p>
      </div>
      <div class="install">
        <code>{site.install}</code>
        {site.links.length > 0 && (
          <nav aria-label="Documentation">
            {site.links.map(([title, address]) => <a href={address} key={address}>{title}</a>)}
          </nav>
        )}
      </div>
      <button type="button" class="hide" aria-label="Hide this text" title="Hide this text" onClick={props.onHide}>×</button>
    </section>
  );
}

type Order = "year" | "title" | "params";

export function Gallery(props: { site: Site; current: string; onChoose: (file: string) => void }) {
  const { gallery, untitled } = props.site;
  const [query, setQuery] = useState("");
  const [order, setOrder] = useState<Order>("year");
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current!.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }), [props.current]);
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (entry: Entry) => `${entry.title} ${entry.file} ${entry.year ?? ""}`.toLowerCase();
  const last = (value: number | null) => value ?? Infinity;
  const alike = (entry: Entry) => gallery.some((other) => other !== entry && other.title === entry.title);
  const rows = gallery
    .filter((entry) => wanted.every((word) => text(entry).includes(word)))
    .sort((a, b) =>
      Number(a.library) - Number(b.library) ||
      (order === "title" ? 0 : last(a[order]) - last(b[order]) || 0) ||
      a.title.localeCompare(b.title, "en", { numeric: true }),
    );
  return (
    <section class="gallery" aria-label="Gallery">
      <div class="find">
        <input type="search" placeholder={`Search ${gallery.length} networks`} aria-label="Search the gallery" value={query} onInput={(e) => setQuery(e.currentTarget.value)} />
        <select aria-label="Order of the gallery" value={order} onChange={(e) => setOrder(e.currentTarget.value as Order)}>
          <option value="year">by year</option>
          <option value="title">by name</option>
          <option value="params">by parameters</option>
        </select>
        <button type="button" aria-pressed={props.current === untitled} onClick={() => props.onChoose(untitled)}>New</button>
      </div>
      <ul ref={list}>
        {rows.map((entry) => (
          <li key={entry.file}>
            <button type="button" aria-current={entry.file === props.current ? "true" : undefined} title={entry.file} onClick={() => props.onChoose(entry.file)}>
              <span class="title">{entry.title}{alike(entry) && <i> {entry.file}</i>}</span>
              <span class="year">{entry.year ?? ""}</span>
              <span class="params">{entry.library ? "blocks" : entry.params === null ? "" : short(entry.params)}</span>
            </button>
          </li>
        ))}
        {!rows.length && <li class="empty">nothing is called so</li>}
      </ul>
    </section>
  );
}

export function Progress(props: { python: Python; bytes: number }) {
  const [state, setState] = useState<PythonState>(props.python.state);
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    props.python.onState = setState;
    props.python.begin();
  }, []);
  useEffect(() => {
    setSlow(false);
    if (state.phase !== "ready" || !state.working) return;
    const timer = setTimeout(() => setSlow(true), 1000);
    return () => clearTimeout(timer);
  }, [state.phase, state.working]);
  if (state.phase === "failed") return <span class="bad">{state.why}. The gallery shows its diagrams all the same; only checking is missing.</span>;
  if (state.phase === "loading") {
    const share = Math.min(state.bytes / props.bytes, 1);
    return (
      <span class="progress">
        <progress value={share} aria-label="Loading Python" />{" "}
        {share < 1 ? `Python is loading: ${(state.bytes / 1e6).toFixed(1)} of ${(props.bytes / 1e6).toFixed(1)} MB` : "Python is starting"}
        {state.working ? "; your text is checked as soon as it is here" : "; you can read and write meanwhile"}
      </span>
    );
  }
  if (!slow) return null;
  return <span>Checking… <button type="button" onClick={() => props.python.stop()}>Stop</button></span>;
}
