import { type Place, UserError } from '@mlops/core';
import { bad, className, numberIn } from './cells.ts';
import { Growing } from './growing.ts';
import type { Names } from './names.ts';

/** What a cell of scores holds: one number, a list of them, a mapping from classes, or what should have been JSON. */
interface Row {
  readonly kind: 'one' | 'list' | 'mapping' | 'broken';
  /** What was written, JSON read. */
  readonly score: unknown;
  /** The classes of a mapping. */
  readonly names: readonly string[];
  readonly cells: readonly unknown[];
}

/** What rows of one kind, with as many cells and the same names, have in common. */
interface Shape {
  readonly first: Row;
  readonly place: Place;
  readonly names: readonly string[];
  /** Of each of its columns the first cell that is no number. */
  readonly bad: Map<number, UserError>;
}

/**
 * Scores of classes, which are known only at the end: the numbers of each example one after the other, beside their
 * shape. As a rule, all have the same.
 */
export class Scores {
  readonly #names: Names;
  readonly #known = new Map<string, number>();
  readonly #shapes: Shape[] = [];
  readonly #index = new Growing(Int32Array);
  readonly #numbers = new Growing(Float64Array);

  constructor(names: Names) {
    this.#names = names;
  }

  add(cell: unknown, place: Place): void {
    const row = rowOf(cell);
    const key = row.kind === 'one' ? row.kind : `${row.kind} ${row.cells.length} ${row.names.join('\n')}`;
    const index = this.#known.get(key) ?? this.#learn(key, row, place);
    this.#index.push(index);
    for (let i = 0; i < row.cells.length; i++) {
      const number = numberIn(row.cells[i]);
      this.#numbers.push(number);
      if (Number.isNaN(number)) this.#note(index, i, row.cells[i], place);
    }
  }

  #learn(key: string, first: Row, place: Place): number {
    const names = first.names.map(className);
    for (const name of names) this.#names.add(name);
    this.#known.set(key, this.#shapes.length);
    return this.#shapes.push({ first, place, names, bad: new Map() }) - 1;
  }

  #note(index: number, column: number, value: unknown, place: Place): void {
    const shape = this.#shapes[index];
    if (!shape?.bad.has(column)) shape?.bad.set(column, bad('score', value, 'a finite number', place));
  }

  /** What the first example has: undefined is no score at all. Broken JSON is a UserError. */
  get first(): Row | undefined {
    const [shape] = this.#shapes;
    if (shape?.first.kind === 'broken') throw broken(shape);
    return shape?.first.score === undefined ? undefined : shape.first;
  }

  refuseBroken(): void {
    const shape = this.#shapes.find(({ first }) => first.kind === 'broken');
    if (shape) throw broken(shape);
  }

  /** Of each example the scores of all classes, or that of the positive one; an example without them is a UserError. */
  toArray(classes: readonly string[], positive: number | undefined): Float64Array {
    const [shapes, numbers] = [this.#index.view(), this.#numbers.view()];
    const scores = new Float64Array(shapes.length * (positive === undefined ? classes.length : 1));
    const picked: number[][] = [];
    let to = 0;
    let from = 0;
    for (const index of shapes) {
      const shape = this.#shapes[index] as Shape;
      picked[index] ??= columnsOf(shape, classes, positive);
      for (const column of picked[index]) {
        const score = numbers[from + column] as number;
        if (Number.isNaN(score)) throw shape.bad.get(column);
        scores[to++] = score;
      }
      from += shape.first.cells.length;
    }
    return scores;
  }
}

/** A cell of CSV may hold the scores of all classes as JSON. */
function rowOf(cell: unknown): Row {
  let score = cell;
  if (typeof cell === 'string' && /^\s*[[{]/.test(cell))
    try {
      score = JSON.parse(cell);
    } catch {
      return { kind: 'broken', score, names: [], cells: [] };
    }
  if (Array.isArray(score)) return { kind: 'list', score, names: [], cells: score };
  if (score === null || typeof score !== 'object') return { kind: 'one', score, names: [], cells: [score] };
  return { kind: 'mapping', score, names: Object.keys(score), cells: Object.values(score) };
}

function broken({ first, place }: Shape): UserError {
  return bad('score', first.score, 'a number or a JSON list of numbers', place);
}

/** Which cells of a row are the scores of all classes, or the score of the positive one. */
function columnsOf(shape: Shape, classes: readonly string[], positive: number | undefined): number[] {
  const { first, names, place } = shape;
  if (first.kind === 'one' && positive !== undefined) return [0];
  if (first.kind === 'mapping') {
    const without = classes.find((name) => !names.includes(name));
    if (without !== undefined) throw new UserError(`the class '${without}' has no score`, place);
  } else if (first.kind === 'one' || first.cells.length !== classes.length)
    throw bad('score', first.score, `${classes.length} scores, one for each class`, place);
  const columns = classes.map((name, i) => (first.kind === 'mapping' ? names.lastIndexOf(name) : i));
  return positive === undefined ? columns : [columns[positive] as number];
}
