// What stands beside the diagram: outline, details of the chosen part, findings, parameters, where the costs go.
import { useEffect, useState } from "preact/hooks";
import { Changed } from "./comparison";
import { Field } from "./field";
import { WORDS } from "./numbers";
import type { Finding, Fix, Mark, Network } from "./protocol";

export function Outline(props: {
  network: Network;
  open: Set<number>;
  selected: number | null;
  found: number[] | null; // what a search has found; null: everything is listed
  onSelect: (part: number) => void;
  onToggle: (part: number) => void;
}) {
  const { network, open } = props;
  const rows: { part: number; level: number }[] = [];
  const walk = (index: number, level: number) => {
    for (const m of network.parts[index].members) {
      rows.push({ part: m, level });
      if (network.parts[m].level && open.has(m)) walk(m, level + 1);
    }
  };
  if (props.found) rows.push(...props.found.map((part) => ({ part, level: 0 })));
  else walk(0, 0);
  const keys = (event: KeyboardEvent) => {
    const at = rows.findIndex((row) => row.part === props.selected);
    const row = rows[at];
    if (event.key === "ArrowDown" && at + 1 < rows.length) props.onSelect(rows[at + 1].part);
    else if (event.key === "ArrowUp" && at > 0) props.onSelect(rows[at - 1].part);
    else if (event.key === "Home" && rows.length) props.onSelect(rows[0].part);
    else if (event.key === "End" && rows.length) props.onSelect(rows[rows.length - 1].part);
    else if (row && network.parts[row.part].level && (event.key === "Enter" || event.key === " ")) props.onToggle(row.part);
    else if (row && network.parts[row.part].level && event.key === "ArrowRight" && !open.has(row.part)) props.onToggle(row.part);
    else if (row && network.parts[row.part].level && event.key === "ArrowLeft" && open.has(row.part)) props.onToggle(row.part);
    else if (row && event.key === "ArrowRight" && rows[at + 1]?.level > row.level) props.onSelect(rows[at + 1].part);
    else if (row && event.key === "ArrowLeft" && row.level) props.onSelect(rows.slice(0, at).reverse().find((r) => r.level < row.level)!.part);
    else return;
    event.preventDefault();
  };
  const chosen = props.selected !== null ? `part-${props.selected}` : undefined;
  useEffect(() => {
    if (chosen) document.getElementById(chosen)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <ul class="outline" role="tree" aria-label="Parts of the network" tabIndex={0} aria-activedescendant={chosen} onKeyDown={keys}>
      {rows.slice(0, 2000).map(({ part: index, level }) => {
        const part = network.parts[index];
        const inner = part.level !== null;
        return (
          <li
            key={index} id={`part-${index}`} role="treeitem" aria-level={level + 1} aria-selected={props.selected === index}
            aria-expanded={inner ? open.has(index) : undefined} style={{ paddingLeft: `${6 + 12 * level}px` }}
            title={part.name} onClick={() => props.onSelect(index)}
          >
            {inner ? (
              <button
                type="button" tabIndex={-1} aria-label={open.has(index) ? `Close ${part.head}` : `Open ${part.head}`}
                onClick={(event) => (event.stopPropagation(), props.onToggle(index))}
              >
                {open.has(index) ? "▾" : "▸"}
              </button>
            ) : (
              <span class="dot" />
            )}
            <b>{part.head && inner ? part.head : part.bold}</b>{" "}
            <span class="plain">{inner ? "" : part.plain}<i> {props.found ? part.name : inner ? "" : part.small.join(" · ")}</i></span>
          </li>
        );
      })}
      {rows.length > 2000 && <li>… {rows.length - 2000} more: search for them</li>}
      {!rows.length && <li class="none">nothing is called so</li>}
    </ul>
  );
}

export function Details(props: { network: Network; part: number | null; mark: Mark | undefined; onToggle: (part: number) => void }) {
  const { network } = props;
  if (props.part === null || !network.parts[props.part])
    return (
      <section class="details" aria-label="Totals">
        <h2>{network.name}</h2>
        <Table rows={network.totals.filter(([, value]) => value !== "-")} />
        <p class="hint">Choose a part of the diagram to see its figures. A double click opens a block.</p>
      </section>
    );
  const part = network.parts[props.part];
  const stop = part.level ? 0 : part.output ? 0 : part.start + (part.stop - part.start) / part.count;
  const layers = network.nodes.slice(part.start, stop);
  const title = part.head && part.level ? part.head : `${part.bold} ${part.plain}`;
  return (
    <section class="details" aria-label="Details" aria-live="polite">
      <h2>{title}</h2>
      <Changed mark={props.mark} />
      {part.level && (
        <button type="button" onClick={() => props.onToggle(props.part!)}>Open or close</button>
      )}
      {part.output && <Table rows={[["shape", network.nodes[part.start].shape]]} />}
      {(part.level || part.count > 1) && <Table rows={part.figures} />}
      {layers.map((node, i) => (
        <div key={node.name}>
          <h3>{node.name}</h3>
          {`${node.kind} ${node.describe}` !== title && <p>{node.kind} {node.describe}</p>}
          <Table
            rows={[
              ...(node.inputs.length ? [["reads", node.inputs.map((i) => `${network.nodes[i].name} ${network.nodes[i].shape}`).join(", ")] as [string, string]] : []),
              ["output", node.shape],
              ...node.figures.filter(([title]) => FIRST.has(title)),
            ]}
          />
          <Formulas rows={node.formulas} />
          {(i === 0 || JSON.stringify(node.field) !== JSON.stringify(layers[i - 1].field)) && <Field field={node.field} />}
          <More figures={node.figures.filter(([title]) => !FIRST.has(title))} />
        </div>
      ))}
    </section>
  );
}

const FIRST = new Set(["params", "MACs", "memory", "rf"]);

function More(props: { figures: [string, string][] }) {
  if (!props.figures.length) return null;
  return (
    <details>
      <summary>More figures</summary>
      <Table rows={props.figures} />
    </details>
  );
}

// How the numbers follow; what is only a number is among the figures already.
function Formulas(props: { rows: [string, string][] }) {
  const shown = props.rows.filter(([, text]) => !/^[\d,]*$/.test(text));
  if (!shown.length) return null;
  return (
    <dl class="formulas">
      {shown.map(([what, text]) => [<dt key={what}>{what}</dt>, <dd key={`${what} is`}>{text}</dd>])}
    </dl>
  );
}


function Table(props: { rows: [string, string][] }) {
  return (
    <table>
      <tbody>
        {props.rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{WORDS[name] ?? name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Findings(props: { findings: Finding[]; onFix: (fix: Fix) => void; onGo: (finding: Finding) => void; live: boolean }) {
  if (!props.findings.length) return null;
  const sorted = [...props.findings].sort((a, b) => (a.start ?? -1) - (b.start ?? -1));
  const offered = (finding: Finding, text: string) => props.live && finding.fixes.some((fix) => fix.title === text);
  return (
    <ol class="findings" aria-label="Findings">
      {sorted.map((finding, i) => (
        <li key={i} class={finding.severity}>
          <button type="button" class="where" onClick={() => props.onGo(finding)}>
            {finding.severity}[{finding.code}]{finding.line ? `, line ${finding.line}` : ""}
            {finding.elsewhere && ` of ${finding.elsewhere}`}
          </button>
          <span> {finding.message}</span>
          {finding.notes.map((note) => <div class="note" key={note}>{note}</div>)}
          {finding.helps.filter((text) => !offered(finding, text)).map((text) => <div class="help" key={text}>help: {text}</div>)}
          {props.live && finding.fixes.map((fix) => (
            <button type="button" class="fix" key={fix.title} onClick={() => props.onFix(fix)}>Fix: {fix.title}</button>
          ))}
        </li>
      ))}
    </ol>
  );
}

export function Costs(props: { network: Network; open: Set<number>; onSelect: (part: number) => void }) {
  const [by, setBy] = useState("macs");
  const rows: { part: number; value: number }[] = [];
  const walk = (index: number) => {
    for (const m of props.network.parts[index].members) {
      const part = props.network.parts[m];
      if (part.level && props.open.has(m)) walk(m);
      else if (part.values[by]) rows.push({ part: m, value: part.values[by] });
    }
  };
  walk(0);
  rows.sort((a, b) => b.value - a.value);
  const all = rows.reduce((sum, row) => sum + row.value, 0);
  const share = (value: number) => (value < 0.0005 * all ? "< 0.1 %" : `${((100 * value) / all).toFixed(1)} %`);
  const label = (index: number) => {
    const part = props.network.parts[index];
    return part.level ? part.head : `${part.bold} ${part.plain}`;
  };
  const first = rows.slice(0, 10);
  const alone = (index: number) => first.every((other) => other.part === index || label(other.part) !== label(index));
  return (
    <section class="costs" aria-label="Where the costs go">
      <label>
        Where{" "}
        <select value={by} onChange={(e) => setBy(e.currentTarget.value)}>
          <option value="macs">MACs</option>
          <option value="params">parameters</option>
          <option value="memory">memory</option>
          <option value="activations">activations</option>
        </select>{" "}
        go
      </label>
      {first.map(({ part: index, value }) => (
        <button type="button" class="bar" key={index} title={`${label(index)}: ${props.network.parts[index].name}`} onClick={() => props.onSelect(index)}>
          <span class="fill" style={{ width: `${(100 * value) / rows[0].value}%` }} />
          <span class="label">{alone(index) ? label(index) : props.network.parts[index].name}</span>
          <span class="share">{share(value)}</span>
        </button>
      ))}
    </section>
  );
}
