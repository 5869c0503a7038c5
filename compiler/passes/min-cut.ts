/**
 * The least weight of vertices that parts sources from sinks: a largest flow by Dinic's algorithm ("Algorithm for solution
 * of a problem of maximum flow", 1970) through a network in which every vertex is an edge of its weight.
 */

export interface Network {
  /** By vertex. Whole numbers, so that flows are exact. */
  readonly weights: readonly number[];
  readonly edges: readonly (readonly [from: number, to: number])[];
  /** Vertices that sources lead to, and that lead to sinks; a cut may go through them too. */
  readonly sources: readonly number[];
  readonly sinks: readonly number[];
}

/** Edges in pairs: `2i` one way and `2i + 1` back. */
class Flow {
  private readonly to: number[] = [];
  private readonly room: number[] = [];
  private readonly out: number[][];

  constructor(readonly count: number) {
    this.out = Array.from({ length: count }, () => []);
  }

  connect(from: number, to: number, room: number): void {
    this.out[from]?.push(this.to.length);
    this.to.push(to);
    this.room.push(room);
    this.out[to]?.push(this.to.length);
    this.to.push(from);
    this.room.push(0);
  }

  /** Steps from `start` along edges with room; backwards, steps to it. -1 where there is no way. */
  levels(start: number, backwards: boolean): Int32Array {
    const levels = new Int32Array(this.count).fill(-1);
    levels[start] = 0;
    const queue = [start];
    for (const node of queue)
      for (const edge of this.out[node] ?? []) {
        const next = this.to[edge] ?? 0;
        const room = this.room[backwards ? edge ^ 1 : edge] ?? 0;
        if (room <= 0 || levels[next] !== -1) continue;
        levels[next] = (levels[node] ?? 0) + 1;
        queue.push(next);
      }
    return levels;
  }

  /** Sends what one way allows; `tried` says how many edges of each node are used up. Depth is that of the network. */
  private send(from: number, to: number, levels: Int32Array, tried: Int32Array): number {
    const path: number[] = [];
    let node = from;
    while (node !== to) {
      const edges = this.out[node] ?? [];
      const edge = edges[tried[node] ?? 0];
      if (edge === undefined) {
        const back = path.pop();
        if (back === undefined) return 0;
        node = this.to[back ^ 1] ?? from;
        tried[node] = (tried[node] ?? 0) + 1;
        continue;
      }
      const next = this.to[edge] ?? 0;
      if ((this.room[edge] ?? 0) > 0 && levels[next] === (levels[node] ?? 0) + 1) {
        path.push(edge);
        node = next;
      } else tried[node] = (tried[node] ?? 0) + 1;
    }
    const amount = path.reduce((least, edge) => Math.min(least, this.room[edge] ?? 0), Infinity);
    for (const edge of path) {
      this.room[edge] = (this.room[edge] ?? 0) - amount;
      this.room[edge ^ 1] = (this.room[edge ^ 1] ?? 0) + amount;
    }
    return amount;
  }

  fill(from: number, to: number): void {
    for (;;) {
      const levels = this.levels(from, false);
      if (levels[to] === -1) return;
      const tried = new Int32Array(this.count);
      while (this.send(from, to, levels, tried) > 0);
    }
  }
}

/** The cut nearest to the sinks among those of the least weight. */
export const minVertexCut = ({ weights, edges, sources, sinks }: Network): ReadonlySet<number> => {
  const count = weights.length;
  const [source, sink] = [2 * count, 2 * count + 1];
  // More than all vertices together, so that no edge between them is ever full.
  const endless = 1 + weights.reduce((sum, weight) => sum + weight, 0);
  const flow = new Flow(2 * count + 2);
  weights.forEach((weight, at) => {
    flow.connect(2 * at, 2 * at + 1, weight);
  });
  for (const [from, to] of edges) flow.connect(2 * from + 1, 2 * to, endless);
  for (const at of sources) flow.connect(source, 2 * at, endless);
  for (const at of sinks) flow.connect(2 * at + 1, sink, endless);
  flow.fill(source, sink);
  const reaches = flow.levels(sink, true);
  const cut = new Set<number>();
  for (let at = 0; at < count; at++)
    if (reaches[2 * at] === -1 && reaches[2 * at + 1] !== -1) cut.add(at);
  return cut;
};
