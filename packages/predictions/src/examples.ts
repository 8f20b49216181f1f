import type { Place } from '@mlops/core';
import type { Task } from '@mlops/stats';
import type { Found } from './columns.ts';
import { Ids } from './ids.ts';
import { Names } from './names.ts';
import { Numbers } from './numbers.ts';
import { Scores } from './scores.ts';
import { Texts } from './texts.ts';
import { Values } from './values.ts';

export interface Example {
  readonly id: string | undefined;
  readonly label: unknown;
  readonly prediction: unknown;
  /** One score, a list in the order of the classes, or a mapping from the class. */
  readonly score: unknown;
  readonly weight: unknown;
  readonly query: string | undefined;
  readonly latency: unknown;
  readonly slices: readonly string[];
}

/** More than there are classes as a rule: where so many values differ and look like numbers, they are taken for some. */
const manyNames = 65_536;

/**
 * The columns of all examples while they are read: of each cell only what it may be, for the task may be known only at
 * the end. The first of examples with one id counts.
 */
export class Examples {
  readonly found: Found;
  /** The task as far as it is known beforehand. */
  readonly told: Task | undefined;
  /** The file of the first example. */
  readonly file: string;
  readonly ids: Ids | undefined;
  readonly names = new Names();
  readonly label: Values;
  readonly prediction: Values;
  /** Scores of classes; of another task there are none. */
  readonly scores: Scores | undefined;
  /** The score of each document of a ranking. */
  readonly relevance: Numbers | undefined;
  readonly weight: Numbers | undefined;
  readonly latency: Numbers | undefined;
  readonly query: Texts | undefined;
  readonly slices: readonly Texts[];
  /** The first few ids that an earlier example has. */
  readonly duplicates: string[] = [];
  duplicated = 0;
  size = 0;

  constructor(found: Found, task: Task | undefined, file: string) {
    this.found = found;
    this.told = task ?? (found.query ? 'ranking' : undefined);
    this.file = file;
    const mayBeClasses = this.told !== 'regression' && this.told !== 'ranking';
    this.ids = found.id ? new Ids() : undefined;
    this.label = new Values(found.label, this.names);
    this.prediction = new Values(found.prediction ?? '', this.names);
    if (!mayBeClasses) for (const column of [this.label, this.prediction]) column.forgetNames();
    const ranking = this.told === 'ranking';
    this.scores = mayBeClasses ? new Scores(this.names) : undefined;
    this.relevance = ranking && (found.score || found.classScores.size) ? new Numbers('score') : undefined;
    this.weight = found.weight ? new Numbers(found.weight, 0) : undefined;
    this.latency = found.latency ? new Numbers(found.latency, 0) : undefined;
    this.query = ranking && found.query ? new Texts() : undefined;
    this.slices = found.slices.map(() => new Texts());
  }

  add(example: Example, place: Place): void {
    if (this.ids?.add(example.id ?? '') === false) {
      if (this.duplicated++ < 5) this.duplicates.push(example.id ?? '');
      return;
    }
    this.size++;
    this.label.add(example.label, place);
    this.prediction.add(example.prediction, place);
    this.scores?.add(example.score, place);
    this.relevance?.add(example.score, place);
    this.weight?.add(example.weight, place);
    this.latency?.add(example.latency, place);
    this.query?.add(example.query ?? '');
    for (const [i, texts] of this.slices.entries()) texts.add(example.slices[i] ?? '');
    if (this.told || !this.label.allNumbers) return;
    if (this.label.known > manyNames) this.label.forgetNames();
    if (this.prediction.known > manyNames) this.prediction.forgetNames();
  }

  /** Whether labels and predictions can still be classes. */
  get knowsNames(): boolean {
    return this.label.knowsNames && this.prediction.knowsNames;
  }
}
