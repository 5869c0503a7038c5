/** The table: Espalier's time, speed and memory, and for each other how many times longer it takes. */
import type { ContestantName } from "./contestant-process.js";
import type { LineResult, Measured } from "./measure.js";

const PEERS: readonly ContestantName[] = [
  "naive",
  "jax-js",
  "TensorFlow.js",
  "PyTorch",
  "file copy",
  "bare Node",
];

const short = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value.toPrecision(value >= 10 ? 3 : 2);

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

const speed = ({ work, unit }: LineResult, ms: number): string =>
  `${short((work * 1000) / ms)} ${unit}`;

const peerCell = (line: LineResult, peer: ContestantName, own: Measured): string => {
  const measured = line.measured.find(({ contestant }) => contestant === peer);
  if (measured !== undefined)
    return `${short(measured.ms / own.ms)}×, ${mebibytes(measured.memory)}`;
  return line.absent.some(({ contestant }) => contestant === peer) ? "cannot" : "";
};

const pad = (cells: readonly string[], widths: readonly number[]): string =>
  `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;

/** A Markdown table, aligned for reading as text. */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]) => {
  const widths = head.map((cell, at) =>
    Math.max(cell.length, 3, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...rows].map((row) => pad(row, widths)).join("\n");
};

const rowOf = (line: LineResult, peers: readonly ContestantName[]): string[] => {
  const own = line.measured.find(({ contestant }) => contestant === "espalier");
  if (own === undefined) return [`${line.family} ${line.name}`];
  return [
    `${line.family} ${line.name}`,
    `${short(own.ms)} ms`,
    speed(line, own.ms),
    mebibytes(own.memory),
    ...peers.map((peer) => peerCell(line, peer, own)),
  ];
};

/** "3.4×" says that the peer takes 3.4 times as long as Espalier; memory is the most its process held. */
export const ratioTable = (lines: readonly LineResult[]): string => {
  const peers = PEERS.filter((peer) =>
    lines.some((line) => line.measured.some(({ contestant }) => contestant === peer)),
  );
  const head = ["", "Espalier", "speed", "memory", ...peers];
  return markdownTable(
    head,
    lines.map((line) => rowOf(line, peers)),
  );
};

/** Who was not in which line, and why, each reason once. */
export const absences = (lines: readonly LineResult[]): readonly string[] => [
  ...new Set(
    lines.flatMap(({ family, absent }) =>
      absent.map(({ contestant, reason }) => `${contestant}, ${family}: ${reason.split("\n")[0]}`),
    ),
  ),
];
