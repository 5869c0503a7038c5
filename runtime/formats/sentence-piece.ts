/** Merges that join the pieces of a SentencePiece vocabulary as their scores would: the better piece first. */

interface Merge {
  readonly left: string;
  readonly right: string;
  readonly score: number;
}

/**
 * Every way to make a piece of two others, from the best-scored piece on; of one piece, longer left parts first. As
 * transformers derives them (SentencePieceExtractor).
 */
export const sentencePieceMerges = (
  pieces: readonly string[],
  scores: readonly number[],
): readonly (readonly [string, string])[] => {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const merges: Merge[] = [];
  for (const [id, piece] of pieces.entries()) {
    const letters = [...piece];
    const own: Merge[] = [];
    for (let cut = 1; cut < letters.length; cut++) {
      const [left, right] = [letters.slice(0, cut).join(""), letters.slice(cut).join("")];
      if (ids.has(left) && ids.has(right)) own.push({ left, right, score: scores[id] ?? 0 });
    }
    const order = ({ left, right }: Merge): readonly [number, number] => [
      ids.get(left) ?? 0,
      ids.get(right) ?? 0,
    ];
    own.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
    merges.push(...own);
  }
  merges.sort(
    (a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length,
  );
  return merges.map(({ left, right }) => [left, right]);
};
