// The curves of runs: loss, scores and learning rate, of several in one picture, while they train.
import { useMemo, useState } from "preact/hooks";
import { Chart, type Curve, type Mark } from "./chart";
import type { RunData } from "./protocol";

// Okabe and Ito 2008, for all kinds of color vision; those for a dark page are lighter.
const COLORS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b3548c", "#544300", "#7028d8", "#333333"],
  dark: ["#56b4e9", "#ff9248", "#2fd3a2", "#e6a3cc", "#f5e663", "#8c6bff", "#d0d5da"],
};
const ALONG: Record<string, string> = { epoch: "epoch", step: "update", seconds: "seconds" };

type Column = (number | null)[];

export const number = (value: number) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(2) : String(+value.toPrecision(4)));
export const percent = (value: number) => `${+(100 * value).toFixed(2)} %`;

export function Training(props: { runs: RunData[]; dark: boolean }) {
  const [along, setAlong] = useState("epoch");
  const [log, setLog] = useState(true);
  const [hidden, setHidden] = useState<Set<string>>(new Set());
  const colors = COLORS[props.dark ? "dark" : "light"];
  const shown = props.runs.filter((run) => !hidden.has(run.name));
  const several = props.runs.length > 1;
  const colorOf = (run: RunData) => colors[props.runs.indexOf(run) % colors.length];
  const has = (name: string) => props.runs.some((run) => run.columns[`train_${name}`]);
  const score = has("accuracy") ? "accuracy" : has("r2") ? "r2" : null;
  const places = useMemo(() => shown.map((run) => placesOf(run, along)), [props.runs, hidden, along]);
  const x = useMemo(() => [...new Set(places.flat())].sort((a, b) => a - b), [places]);

  const curves = (names: [string, string, boolean][]): Curve[] =>
    shown.flatMap((run, i) =>
      names
        .filter(([column]) => run.columns[column])
        .map(([column, label, dashed]): Curve => ({
          label: [...(several ? [run.name] : []), ...(label ? [label] : [])].join(", ") || run.name,
          color: several ? colorOf(run) : colors[label === "training" || !label ? 0 : 1],
          dashed,
          values: aligned(x, places[i], run.columns[column]),
        })),
    );
  const marks = (name: string): Mark[] =>
    shown.flatMap((run, i) => {
      if (run.best === null) return [];
      const of = run.columns[`validation_${name}`] ?? run.columns[`train_${name}`];
      const ofValidation = run.columns[`validation_${name}`] !== undefined;
      return [{ x: places[i][run.best], y: of?.[run.best] ?? null, color: several ? colorOf(run) : colors[ofValidation ? 1 : 0] }];
    });
  const both = (name: string): [string, string, boolean][] => [
    [`train_${name}`, "training", true],
    [`validation_${name}`, "validation", false],
  ];
  const common = { along: ALONG[along], x, dark: props.dark };
  return (
    <section class="training" aria-label="Training">
      <div class="controls">
        <label>
          Over{" "}
          <select value={along} onChange={(e) => setAlong(e.currentTarget.value)}>
            <option value="epoch">epochs</option>
            <option value="step">updates</option>
            <option value="seconds">time</option>
          </select>
        </label>
        <label><input type="checkbox" checked={log} onChange={(e) => setLog(e.currentTarget.checked)} /> Logarithmic loss</label>
        <span class="hint">Drag across a chart to zoom, double-click to see everything. A ring marks the best epoch, whose weights are kept.</span>
      </div>
      <RunTable
        runs={props.runs} hidden={hidden} score={score} colorOf={several ? colorOf : null}
        onHide={(name) => setHidden((all) => (all.has(name) ? new Set([...all].filter((n) => n !== name)) : new Set([...all, name])))}
      />
      {shown.filter((run) => run.advice).map((run) => (
        <p class="advice" key={run.name}>{several && <b>{run.name}: </b>}{run.advice.split("`").map((text, i) => (i % 2 ? <code key={i}>{text}</code> : text))}</p>
      ))}
      {x.length === 0 ? (
        <p class="empty">The first epoch has not ended yet.</p>
      ) : (
        <div class="charts">
          <Chart {...common} title="Loss" log={log} curves={curves(both("loss"))} marks={marks("loss")} format={number} />
          {score && (
            <Chart
              {...common} title={score === "accuracy" ? "Accuracy" : "R²"} log={false} curves={curves(both(score))} marks={marks(score)}
              format={score === "accuracy" ? percent : number}
            />
          )}
          <Chart {...common} title="Learning rate" log={log} curves={curves([["lr", "", false]])} marks={[]} format={number} />
        </div>
      )}
      {shown.map((run) => <Numbers key={run.name} run={run} />)}
    </section>
  );
}

function RunTable(props: {
  runs: RunData[]; hidden: Set<string>; score: string | null; colorOf: ((run: RunData) => string) | null; onHide: (name: string) => void;
}) {
  const text = (values: Record<string, number | null | undefined> | null) => {
    const value = values?.[props.score ?? "loss"];
    return value === null || value === undefined ? "–" : props.score === "accuracy" ? percent(value) : number(value);
  };
  const best = (run: RunData) => {
    if (run.best === null) return "–";
    const measured = ["loss", "accuracy", "r2"].some((m) => (run.columns[`validation_${m}`]?.[run.best!] ?? null) !== null);
    const part = measured ? "validation" : "train";
    const at = Object.fromEntries(["loss", "accuracy", "r2"].map((m) => [m, run.columns[`${part}_${m}`]?.[run.best!]]));
    return `${text(at)} in epoch ${run.columns.epoch[run.best]}`;
  };
  const measure = props.score === "accuracy" ? "accuracy" : props.score === "r2" ? "R²" : "loss";
  return (
    <div class="scrolled"><table class="runs">
      <thead>
        <tr><th scope="col">run</th><th scope="col">state</th><th scope="col">epochs</th><th scope="col">best {measure}</th><th scope="col">test {measure}</th><th scope="col">time</th><th scope="col">data</th></tr>
      </thead>
      <tbody>
        {props.runs.map((run) => (
          <tr key={run.name}>
            <th scope="row">
              {props.colorOf ? (
                <label>
                  <input type="checkbox" checked={!props.hidden.has(run.name)} onChange={() => props.onHide(run.name)} />
                  <span class="swatch" style={{ background: props.colorOf(run) }} /> {run.name}
                </label>
              ) : (
                run.name
              )}
            </th>
            <td class={run.state}>{run.state === "running" ? "training" : run.state}</td>
            <td>{run.columns.epoch.length}</td>
            <td>{best(run)}</td>
            <td>{text(run.test)}</td>
            <td>{duration(run.columns.seconds)}</td>
            <td>{run.data}{Object.entries(run.counts).map(([part, count]) => `, ${count.toLocaleString("en")} ${part}`).join("")}</td>
          </tr>
        ))}
      </tbody>
    </table></div>
  );
}

// The curves as a table: for screen readers, and to copy.
function Numbers(props: { run: RunData }) {
  const [open, setOpen] = useState(false);
  const { columns } = props.run;
  const names = Object.keys(columns);
  return (
    <details class="numbers" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>Numbers of {props.run.name}</summary>
      {open && (
        <table>
          <thead><tr>{names.map((name) => <th scope="col" key={name}>{name.replace("_", " ")}</th>)}</tr></thead>
          <tbody>
            {columns.epoch.map((_, row) => (
              <tr key={row} class={row === props.run.best ? "best" : ""}>
                {names.map((name) => <td key={name}>{columns[name][row] === null ? "–" : number(columns[name][row]!)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

function placesOf(run: RunData, along: string): number[] {
  if (along !== "seconds") return run.columns[along] as number[];
  let sum = 0;
  return run.columns.seconds.map((seconds) => (sum += seconds ?? 0));
}

function aligned(x: number[], places: number[], values: Column): Column {
  const at = new Map(places.map((place, i) => [place, values[i]]));
  return x.map((place) => at.get(place) ?? null);
}

function duration(seconds: Column): string {
  const exact = seconds.reduce<number>((sum, s) => sum + (s ?? 0), 0);
  if (exact < 10) return `${exact.toFixed(1)} s`;
  const all = Math.round(exact);
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60)];
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${all % 60} s` : `${all} s`;
}
