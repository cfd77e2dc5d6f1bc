// The page: the text of a spec, its diagram, and what is known about both.
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { differences } from "./compare";
import { Diagram } from "./diagram";
import { Editor, withEdits } from "./editor";
import { layout, openAtFirst } from "./layout";
import { Live } from "./live";
import { Costs, Details, Findings, Outline, Parameters } from "./panels";
import type { Document, Fix, Network, Start } from "./protocol";
import { themeOf } from "./theme";

type Values = Record<string, number | boolean | string>;

const start = JSON.parse(document.getElementById("netspec-start")!.textContent!) as Start;
const nonce = document.currentScript instanceof HTMLScriptElement ? document.currentScript.nonce : "";
const live = start.mode === "live" ? new Live(start) : null;
const preferDark = window.matchMedia("(prefers-color-scheme: dark)");

function App() {
  const [place, setPlace] = useState(0);
  const [documents, setDocuments] = useState(start.documents);
  const [texts, setTexts] = useState(start.documents.map((d) => d.text));
  const [saved, setSaved] = useState(start.documents.map((d) => ({ text: d.text, version: d.version })));
  const [revision, setRevision] = useState(0);
  const [given, setGiven] = useState<Values>({});
  const [networks, setNetworks] = useState<(Network | null)[]>(start.documents.map((d) => d.network));
  const [toggled, setToggled] = useState<Map<string, boolean>>(new Map());
  const [chosen, setChosen] = useState<string | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [reveal, setReveal] = useState<{ part: number; count: number } | null>(null);
  const [query, setQuery] = useState("");
  const [by, setBy] = useState("");
  const [against, setAgainst] = useState<number | null>(null);
  const [dark, setDark] = useState(preferDark.matches);
  const [message, setMessage] = useState("");
  const [conflict, setConflict] = useState<{ text: string; version: string } | null>(null);
  const state = useRef({ texts, saved, place, given });
  state.current = { texts, saved, place, given };

  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }, [dark]);

  const current = documents[place];
  const network = networks[place];
  const stale = current.network === null && network !== null;

  const changedText = (text: string, byPage = false) => {
    setTexts((all) => all.map((t, i) => (i === place ? text : t)));
    if (byPage) setRevision((n) => n + 1);
    check(place, text, state.current.given);
  };

  const check = (index: number, text: string, values: Values) => {
    live?.check(
      start.documents[index].file, text, values,
      (found: Document) => {
        if (found.text !== state.current.texts[index]) return; // a newer text is on its way
        setMessage("");
        setDocuments((all) => all.map((d, i) => (i === index ? { ...found, version: d.version } : d)));
        if (found.network) setNetworks((all) => all.map((n, i) => (i === index ? found.network : n)));
      },
      setMessage,
    );
  };

  useEffect(() => {
    live?.watch((file, text, version) => {
      const index = start.documents.findIndex((d) => d.file === file);
      if (index < 0) return;
      const { texts: now, saved: then } = state.current;
      if (then[index].version === version) {
        check(index, now[index], state.current.given); // a file that it uses has changed
        return;
      }
      if (now[index] !== then[index].text) {
        setConflict({ text, version });
        return;
      }
      take(index, text, version);
    }).catch(() => setMessage("netspec view has ended: start it again, then reload this page"));
  }, []);

  const take = (index: number, text: string, version: string) => {
    setSaved((all) => all.map((s, i) => (i === index ? { text, version } : s)));
    setTexts((all) => all.map((t, i) => (i === index ? text : t)));
    state.current.texts = state.current.texts.map((t, i) => (i === index ? text : t));
    setRevision((n) => n + 1);
    setConflict(null);
    check(index, text, state.current.given);
  };

  const save = async () => {
    if (!live) return;
    const text = state.current.texts[place];
    try {
      const done = await live.save(start.documents[place].file, text, state.current.saved[place].version);
      if (done.conflict !== null) setConflict({ text: done.conflict, version: done.version });
      else {
        setSaved((all) => all.map((s, i) => (i === place ? { text, version: done.version } : s)));
        setMessage("saved");
      }
    } catch (error) {
      setMessage(String(error instanceof Error ? error.message : error));
    }
  };

  // Parts are remembered by name, so that they stay open and chosen while the text changes.
  const byName = useMemo(() => new Map(network?.parts.map((part, i) => [part.name, i])), [network]);
  const open = useMemo(() => {
    if (!network) return new Set<number>();
    const found = openAtFirst(network, network.depth);
    for (const [name, isOpen] of toggled) {
      const part = byName.get(name);
      if (part === undefined) continue;
      if (isOpen) found.add(part);
      else found.delete(part);
    }
    return found;
  }, [network, toggled]);
  const root = useMemo(() => (network ? layout(network, (part) => open.has(part)) : null), [network, open]);
  const selected = chosen !== null ? byName.get(chosen) ?? null : null;
  const differs = useMemo(() => {
    const other = against !== null ? networks[against] : null;
    return network && other && against !== place ? differences(network, other) : new Map<number, string>();
  }, [network, against, networks, place]);

  const marked = useMemo(() => {
    const found = new Set<number>();
    if (!network) return found;
    if (cursor !== null)
      network.parts.forEach((part, i) => {
        const node = network.nodes[part.start];
        if (i && !part.level && !part.output && node && node.start !== null && node.start <= cursor && cursor <= node.end!) found.add(i);
      });
    return found;
  }, [network, cursor]);

  const toggle = (part: number) => {
    if (!network?.parts[part].level) return;
    setToggled((all) => new Map(all).set(network.parts[part].name, !open.has(part)));
  };
  const select = (part: number | null, show = true) => {
    setCursor(null);
    if (part === null || !network) return setChosen(null);
    setChosen(network.parts[part].name);
    if (!show) return;
    const around = parents(network, part).filter((p) => p && !open.has(p));
    if (around.length) setToggled((all) => around.reduce((m, p) => m.set(network.parts[p].name, true), new Map(all)));
    setReveal((r) => ({ part, count: (r?.count ?? 0) + 1 }));
  };
  const span = useMemo((): [number, number] | null => {
    if (!network || selected === null) return null;
    const node = network.nodes[network.parts[selected].start];
    return node && node.start !== null ? [node.start, node.end!] : null;
  }, [network, selected]);

  const setParameter = (name: string, value: number | boolean) => {
    const values = { ...state.current.given, [name]: value };
    setGiven(values);
    state.current.given = values;
    check(place, state.current.texts[place], values);
  };
  const choose = (index: number) => {
    setPlace(index);
    setGiven({});
    setChosen(null);
    setCursor(null);
    setRevision((n) => n + 1);
  };
  const fix = (wanted: Fix) => changedText(withEdits(texts[place], wanted.edits), true);

  const dirty = texts[place] !== saved[place].text;
  const errors = current.findings.filter((f) => f.severity === "error").length;
  return (
    <div class="page">
      <header>
        {documents.length > 1 ? (
          <select aria-label="Spec" value={place} onChange={(e) => choose(Number(e.currentTarget.value))}>
            {documents.map((d, i) => <option value={i} key={d.file}>{d.file}</option>)}
          </select>
        ) : (
          <b>{current.file}</b>
        )}
        <span class="summary">{network?.summary}</span>
        <span class="grow" />
        <input type="search" placeholder="Search" aria-label="Search the parts" value={query} onInput={(e) => setQuery(e.currentTarget.value)} />
        <label>
          Color by{" "}
          <select value={by} onChange={(e) => setBy(e.currentTarget.value)}>
            <option value="">kind</option>
            <option value="macs">MACs</option>
            <option value="params">parameters</option>
            <option value="memory">memory</option>
            <option value="activations">activations</option>
          </select>
        </label>
        {documents.length > 1 && (
          <label>
            Compare with{" "}
            <select value={against ?? ""} onChange={(e) => setAgainst(e.currentTarget.value === "" ? null : Number(e.currentTarget.value))}>
              <option value="">nothing</option>
              {documents.map((d, i) => i !== place && <option value={i} key={d.file}>{d.file}</option>)}
            </select>
          </label>
        )}
        {live && <button type="button" onClick={() => void save()} disabled={!dirty}>{dirty ? "Save" : "Saved"}</button>}
        <button type="button" aria-pressed={dark} onClick={() => setDark(!dark)}>{dark ? "Light" : "Dark"}</button>
      </header>
      <div class="status" role="status">
        {message && <span>{message}</span>}
        {errors > 0 && <span class="bad">{errors} error{errors > 1 ? "s" : ""}{stale ? "; the diagram is that of the last text that could be read" : ""}</span>}
        {conflict && (
          <span class="bad">
            The file has changed on disk.{" "}
            <button type="button" onClick={() => take(place, conflict.text, conflict.version)}>Take it</button>{" "}
            <button type="button" onClick={() => (setSaved((all) => all.map((s, i) => (i === place ? conflict : s))), setConflict(null))}>Keep mine</button>
          </span>
        )}
      </div>
      <main>
        <div class="left">
          <Editor
            text={texts[place]} revision={revision} findings={current.findings} words={start.words} chosen={span}
            readOnly={!live} nonce={nonce ?? ""} onChange={(text) => changedText(text)} onSave={() => void save()}
            onCursor={(offset) => (setChosen(null), setCursor(offset))}
          />
          <Findings
            findings={current.findings} live={live !== null} onFix={fix}
            onGo={(finding) => setCursor(finding.start)}
          />
        </div>
        <div class="middle">
          {network && root ? (
            <Diagram
              network={network} root={root} theme={themeOf(dark)} by={by} selected={selected} marked={marked} differs={differs}
              reveal={reveal} onSelect={(part) => select(part, false)} onToggle={toggle}
            />
          ) : (
            <p class="empty">{current.library ? "This file declares blocks for other files to use." : "The diagram appears as soon as the text can be read."}</p>
          )}
        </div>
        <div class="right">
          {network && (
            <>
              <Parameters
                values={network.parameters} given={given} live={live !== null} onChange={setParameter}
                onReset={() => (setGiven({}), (state.current.given = {}), check(place, texts[place], {}))}
              />
              <Outline network={network} open={open} selected={selected} query={query} onSelect={(part) => select(part)} onToggle={toggle} />
              <Details network={network} part={selected} change={selected !== null ? differs.get(selected) : undefined} onToggle={toggle} />
              <Costs network={network} open={open} onSelect={(part) => select(part)} />
            </>
          )}
        </div>
      </main>
    </div>
  );
}

function parents(network: Network, part: number): number[] {
  const above = new Map<number, number>();
  network.parts.forEach((p, i) => p.members.forEach((m) => above.set(m, i)));
  const found: number[] = [];
  for (let at = above.get(part); at !== undefined; at = above.get(at)) found.push(at);
  return found;
}

// For tests and benchmarks: the layout alone.
(globalThis as Record<string, unknown>).netspec = { start, layout, openAtFirst };
render(<App />, document.getElementById("netspec")!);
