// As papers write it: 138M, 61.7k.
export function short(count: number): string {
  if (count < 1000) return String(count);
  const [unit, sign] = count < 999_500 ? [1e3, "k"] : count < 999_500_000 ? [1e6, "M"] : [1e9, "G"];
  const value = count / Number(unit);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${sign}`;
}

// What a figure is called where there is room for words.
export const WORDS: Record<string, string> = { params: "parameters", rf: "receptive field" };
