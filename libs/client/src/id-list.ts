import type { RecordId } from "@funkygibbon/kernel/ids";

/** Characters of an id. */
export const ID_LENGTH = 36;

/** Many different ids as one text, each found by its place in it: a string and an entry in a map for each would take ten times that. */
export class IdList {
  readonly #text: string;
  /** A place and 1 where the hash of its id says, or in the next one that was free; 0: free. At most half of them are taken. */
  readonly #slots: Int32Array;
  /** Places are below. */
  readonly length: number;

  /** @param text the ids, one after the other. @throws when they are not whole. */
  constructor(text: string) {
    if (text.length % ID_LENGTH !== 0) throw new Error(`${text.length} characters are not whole ids`);
    this.#text = text;
    this.length = text.length / ID_LENGTH;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.length + 1)));
    for (let place = 0; place < this.length; place++) {
      let slot = this.#firstSlot(text, place);
      while (this.#slots[slot] !== 0) slot = this.#after(slot);
      this.#slots[slot] = place + 1;
    }
  }

  *[Symbol.iterator](): Iterator<RecordId> {
    for (let place = 0; place < this.length; place++) yield this.at(place);
  }

  at(place: number): RecordId {
    return this.#text.slice(place * ID_LENGTH, (place + 1) * ID_LENGTH) as RecordId;
  }

  /** Where an id is; undefined: it is none of these, or none at all. */
  placeOf(id: string): number | undefined {
    return id.length === ID_LENGTH ? this.placeIn(id, 0) : undefined;
  }

  /** Where the id of this number in a text like that of the list is. */
  placeIn(ids: string, number: number): number | undefined {
    for (let slot = this.#firstSlot(ids, number); ; slot = this.#after(slot)) {
      const place = (this.#slots[slot] ?? 0) - 1;
      if (place < 0) return undefined;
      if (this.#isAt(place, ids, number)) return place;
    }
  }

  #isAt(place: number, ids: string, number: number): boolean {
    const [here, there] = [place * ID_LENGTH, number * ID_LENGTH];
    for (let at = 0; at < ID_LENGTH; at++) {
      if (this.#text.charCodeAt(here + at) !== ids.charCodeAt(there + at)) return false;
    }
    return true;
  }

  #firstSlot(ids: string, number: number): number {
    let hash = 0;
    const end = (number + 1) * ID_LENGTH;
    for (let at = number * ID_LENGTH; at < end; at++) hash = (Math.imul(hash, 31) + ids.charCodeAt(at)) | 0;
    return (hash ^ (hash >>> 16)) & (this.#slots.length - 1);
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }
}
