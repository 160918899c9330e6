import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests of the whole system before those of its parts: what is short comes last, so that both workers end together. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const isOfParts = ({ moduleId }: TestSpecification) => /^(libs|services)\b/.test(relative(root, moduleId));
    return (await super.sort(files)).toSorted((a, b) => Number(isOfParts(a)) - Number(isOfParts(b)));
  }
}
