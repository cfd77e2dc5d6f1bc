// Where the chosen part is: the blocks around it, from the network inwards.
import type { Network } from "./protocol";

export function Breadcrumbs(props: { network: Network; path: number[]; onSelect: (part: number | null) => void }) {
  const { network, path } = props;
  const name = (index: number) => {
    const part = network.parts[index];
    return part.level && part.head ? part.head : `${part.bold} ${part.plain}`.trim();
  };
  return (
    <nav class="breadcrumbs" aria-label="Path to the chosen part">
      <ol>
        <li>{path.length ? <button type="button" class="link" onClick={() => props.onSelect(null)}>{network.name}</button> : <b aria-current="true">{network.name}</b>}</li>
        {path.map((index, i) => (
          <li key={index}>
            {i + 1 < path.length ? (
              <button type="button" class="link" onClick={() => props.onSelect(index)}>{name(index)}</button>
            ) : (
              <b aria-current="true">{name(index)}</b>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
