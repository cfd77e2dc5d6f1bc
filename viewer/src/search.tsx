// Parts by what they are called, or by what is written in them.
import type { Network } from "./protocol";

// In the order of the network; none where nothing is searched for.
export function hits(network: Network | null, query: string): number[] {
  const wanted = query.trim().toLowerCase();
  if (!network || !wanted) return [];
  const found: number[] = [];
  const walk = (index: number) => {
    for (const m of network.parts[index].members) {
      const part = network.parts[m];
      if ([part.name, `${part.bold} ${part.plain}`, part.head, ...part.small].some((text) => text.toLowerCase().includes(wanted))) found.push(m);
      walk(m);
    }
  };
  walk(0);
  return found;
}

export function Search(props: { query: string; found: number[]; selected: number | null; onQuery: (query: string) => void; onSelect: (part: number) => void }) {
  const { query, found } = props;
  const at = props.selected === null ? -1 : found.indexOf(props.selected);
  const next = (step: number) => found.length && props.onSelect(found[(at < 0 ? (step > 0 ? 0 : found.length - 1) : at + step + found.length) % found.length]);
  return (
    <span class="search">
      <input
        type="search" placeholder="Search" aria-label="Search the parts" title="Enter goes to the next one, Shift-Enter to the one before" value={query}
        onInput={(e) => props.onQuery(e.currentTarget.value)} onKeyDown={(e) => e.key === "Enter" && next(e.shiftKey ? -1 : 1)}
      />
      <span class="found" aria-live="polite">{query.trim() && (at < 0 ? `${found.length} found` : `${at + 1} of ${found.length}`)}</span>
    </span>
  );
}
