/** A request that has been begun; `finished` resolves with the answer to it. */
export interface Begun<Answer> {
  readonly finished: Promise<Answer>;
}

interface Line {
  /** The last request has been begun. */
  begun: Promise<unknown>;
  /** The last answer has been given. */
  answered: Promise<unknown>;
  waiting: number;
}

/**
 * Keeps the requests of one household in the order in which they came: they are begun one after another, although
 * beginning may take a while (a token to verify), and answered in the same order. Households do not wait for each other.
 */
export class CommitLines {
  readonly #lines = new Map<string, Line>();

  /** Begins a request in its turn and gives its answer in its turn. `begin` must not reject; `give` may. */
  async run<Answer>(
    household: string,
    begin: () => Promise<Begun<Answer>>,
    give: (answer: Answer) => Promise<void>,
  ): Promise<void> {
    const line = this.#lines.get(household) ?? { begun: Promise.resolve(), answered: Promise.resolve(), waiting: 0 };
    this.#lines.set(household, line);
    line.waiting += 1;
    const begun = line.begun.then(begin);
    const before = line.answered;
    const answered = begun.then(async ({ finished }) => {
      const answer = await finished;
      await before;
      await give(answer);
    });
    line.begun = begun;
    // A stream that broke fails every answer by itself; the line goes on.
    line.answered = answered.catch(() => {});
    try {
      await answered;
    } finally {
      line.waiting -= 1;
      if (line.waiting === 0) this.#lines.delete(household);
    }
  }
}
