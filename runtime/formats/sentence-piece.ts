/** Merges that join the pieces of a SentencePiece vocabulary as their scores would: the better piece first. */

/** The mark that SentencePiece puts in the place of a space. */
export const SPACE = "\u2581";

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

/**
 * Scores by which pieces join as these merges have it, the way back: a piece is worth the more the earlier the first merge
 * that gives it; pieces that no merge gives are worth nothing, as nothing asks.
 */
export const sentencePieceScores = (
  pieces: readonly string[],
  merges: readonly (readonly [string, string])[],
): readonly number[] => {
  const ranks = new Map<string, number>();
  for (const [rank, pair] of merges.entries()) {
    const piece = pair.join("");
    if (!ranks.has(piece)) ranks.set(piece, rank + 1);
  }
  return pieces.map((piece) => 0 - (ranks.get(piece) ?? 0));
};
