/** Schemas that are too large, or too deep, to be compared. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}
