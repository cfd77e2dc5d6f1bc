// The parameters of the net, with sliders; the spec stays as it is.
import { Fragment } from "preact";

type Value = number | boolean | string;
type Values = Record<string, Value>;

export function Parameters(props: { values: Values; given: Values; live: boolean; onChange: (name: string, value: Value) => void; onReset: () => void }) {
  const names = Object.keys(props.values);
  if (!names.length) return null;
  if (!props.live) return <Stated values={props.values} />;
  return (
    <fieldset class="parameters">
      <legend>Parameters</legend>
      {names.map((name) => (
        <Parameter key={name} name={name} stated={props.values[name]} value={props.given[name] ?? props.values[name]} onChange={(value) => props.onChange(name, value)} />
      ))}
      {Object.keys(props.given).length > 0 && <button type="button" onClick={props.onReset}>As in the spec</button>}
    </fieldset>
  );
}

// In a page that nobody answers there is nothing to try.
function Stated(props: { values: Values }) {
  return (
    <section class="parameters" aria-label="Parameters">
      <b>Parameters</b>
      <dl>{Object.entries(props.values).map(([name, value]) => <Fragment key={name}><dt>{name}</dt><dd>{value === true ? "yes" : value === false ? "no" : value}</dd></Fragment>)}</dl>
    </section>
  );
}

function Parameter(props: { name: string; stated: Value; value: Value; onChange: (value: Value) => void }) {
  const { name, stated, value } = props;
  if (typeof value === "boolean")
    return (
      <label>
        <span title={name}>{name}</span>
        <input type="checkbox" checked={value} onChange={(e) => props.onChange(e.currentTarget.checked)} />
      </label>
    );
  if (typeof value !== "number")
    return (
      <label>
        <span title={name}>{name}</span>
        <input type="text" value={value} onChange={(e) => props.onChange(e.currentTarget.value)} />
      </label>
    );
  const usual = Number(stated);
  const whole = Number.isInteger(usual);
  const least = usual < 0 ? 2 * usual : whole && usual > 0 ? 1 : 0;
  const most = whole ? Math.max(4, 2 * usual) : usual <= 1 ? 1 : 2 * usual; // a fraction is a rate
  return (
    <label>
      <span title={name}>{name}</span>
      <input
        type="range" min={least} max={most} step={whole ? 1 : (most - least) / 100} value={value} aria-label={name}
        onInput={(e) => props.onChange(Number(e.currentTarget.value))}
      />
      <input
        type="number" value={value} step={whole ? 1 : "any"} aria-label={`${name}, as a number`}
        onChange={(e) => e.currentTarget.value !== "" && props.onChange(Number(e.currentTarget.value))}
      />
    </label>
  );
}
