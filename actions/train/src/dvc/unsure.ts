/** What DVC would make of something cannot be told for certain without it, so DVC decides. The message says why. */
export class Unsure extends Error {
  override readonly name = 'Unsure';
}
