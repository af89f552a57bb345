/** An error that its reader has seen already: what is left of it is the exit code. */
export class Told extends Error {
  override readonly name = 'Told';

  constructor(readonly error: unknown) {
    super('told already');
  }
}
