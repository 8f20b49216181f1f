import type { Job } from './build.ts';
import type { Layout } from './image/layout.ts';
import { pushLayout } from './image/push-layout.ts';
import { nameOf, repositoryOf, tagOf } from './naming.ts';

/** Pushes an image that was looked at, under each of its names. */
export async function release({ naming, inputs, context }: Job, layout: Layout): Promise<void> {
  for (const name of naming.names) {
    const tags = inputs.pushByDigest
      ? []
      : naming.references.filter((reference) => nameOf(reference) === nameOf(name)).map(tagOf);
    let told = 0;
    await pushLayout(layout, repositoryOf(name), {
      ...{ tags, signal: context.signal },
      onProgress(done, total) {
        const percent = Math.floor((100 * done) / Math.max(total, 1));
        if (percent < told + 10) return;
        told = percent - (percent % 10);
        console.log(`Pushing ${name}: ${percent} %`);
      },
    });
  }
}
