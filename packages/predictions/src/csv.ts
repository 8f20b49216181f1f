const [tab, newline, carriageReturn, quote, comma] = [9, 10, 13, 34, 44];

/** Why a text is no table, and the line in which that shows. */
export class TableError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/**
 * Reads CSV as RFC 4180 has it, or with tabs, from pieces of text. Hands on the cells of each record, all of them as
 * many, and the line in which it ends. The first line end is that of all lines; empty lines are skipped. It is made for
 * millions of records: a parser of more dialects takes longer for them than all else that is done to them.
 */
export class CsvReader {
  readonly #delimiter: number;
  readonly #take: (cells: string[], line: number) => void;
  /** What is not read yet, and how long it must get to be tried again: records may be longer than a piece. */
  #text = '';
  #enough = 0;
  #line = 1;
  #lineEnd = '';
  #width: number | undefined;

  constructor(delimiter: ',' | '\t', take: (cells: string[], line: number) => void) {
    this.#delimiter = delimiter === ',' ? comma : tab;
    this.#take = take;
  }

  write(text: string): void {
    // A byte order mark stands before the first record.
    this.#text += this.#enough ? text : text.replace(/^\uFEFF/, '');
    // The last character may be half of a line end or of a doubled quote.
    if (this.#text.length > this.#enough) this.#read(this.#text.length - 1, false);
  }

  end(): void {
    this.#read(this.#text.length, true);
  }

  #read(end: number, isLast: boolean): void {
    let start = 0;
    while (start < end) {
      const next = this.#record(this.#text, start, end, isLast);
      if (next === undefined) break;
      start = next;
    }
    this.#text = this.#text.slice(start);
    this.#enough = 1 + 2 * this.#text.length;
  }

  /** Reads a record; returns where the next one starts, or undefined if this one may go on behind `end`. */
  #record(text: string, start: number, end: number, isLast: boolean): number | undefined {
    const cells: string[] = [];
    let line = this.#line;
    for (let from = start; ; ) {
      const isQuoted = text.charCodeAt(from) === quote;
      const closing = isQuoted ? closingQuote(text, from) : from;
      const to = isQuoted ? closing + 1 : this.#cellEnd(text, from, end);
      if (!isLast && (closing < 0 || to >= end)) return undefined;
      if (closing < 0) throw notClosed(line + lineEnds(text.slice(from, -1)));
      const cell = isQuoted ? text.slice(from + 1, closing) : text.slice(from, to);
      if (isQuoted) line += lineEnds(cell);
      cells.push(isQuoted ? cell.replaceAll('""', '"') : cell);
      from = to + 1;
      if (text.charCodeAt(to) === this.#delimiter) continue;
      const lineEnd = this.#lineEndAt(text, to);
      if (!lineEnd && to < end)
        throw isQuoted ? badClosing(text[to], line) : badOpening(cells.length - 1, line, cell);
      this.#line = line + 1;
      if (cells.length > 1 || cell || isQuoted) this.#hand(cells, line);
      return to + lineEnd;
    }
  }

  /** Where a cell without quotes ends, or a quote stands in it. */
  #cellEnd(text: string, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const unit = text.charCodeAt(at);
      if (unit === this.#delimiter || unit === quote) return at;
      if ((unit === newline || unit === carriageReturn) && this.#lineEndAt(text, at)) return at;
    }
    return end;
  }

  /** How long the line end is that stands here, or 0. */
  #lineEndAt(text: string, at: number): number {
    if (!this.#lineEnd) this.#lineEnd = /^(?:\r\n|\n|\r)/.exec(text.slice(at, at + 2))?.[0] ?? '';
    return this.#lineEnd && text.startsWith(this.#lineEnd, at) ? this.#lineEnd.length : 0;
  }

  #hand(cells: string[], line: number): void {
    this.#width ??= cells.length;
    if (cells.length !== this.#width)
      throw new TableError(
        `Invalid Record Length: expect ${this.#width}, got ${cells.length} on line ${line}`,
        line,
      );
    this.#take(cells, line);
  }
}

/** Where the quote is that ends the cell, or -1; two of them stand for one. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at >= 0 && text.charCodeAt(at + 1) === quote) at = text.indexOf('"', at + 2);
  return at;
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

function notClosed(line: number): TableError {
  return new TableError(
    `Quote Not Closed: the parsing is finished with an opening quote at line ${line}`,
    line,
  );
}

function badClosing(found: string | undefined, line: number): TableError {
  return new TableError(
    `Invalid Closing Quote: got "${found}" at line ${line} instead of delimiter, record delimiter, trimable character (if activated) or comment`,
    line,
  );
}

function badOpening(column: number, line: number, cell: string): TableError {
  return new TableError(
    `Invalid Opening Quote: a quote is found on field ${column} at line ${line}, value is ${JSON.stringify(cell)}`,
    line,
  );
}
