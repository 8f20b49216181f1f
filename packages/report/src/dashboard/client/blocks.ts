/// <reference lib="dom" />
import type { ModelSeries, RunDetails, RunTable } from '../data.ts';

export type Blocks = ReturnType<typeof makeBlocks>;

/**
 * Reads what the page carries: JSON, compressed, as text in elements that no browser runs. Each block is read once,
 * when it is asked for.
 */
export function makeBlocks({ detailsPerBlock }: { detailsPerBlock: number }) {
  const blocks = new Map<string, Promise<unknown>>();

  async function read<T>(id: string): Promise<T> {
    let block = blocks.get(id);
    if (!block) {
      block = unpacked(document.getElementById(id)?.textContent ?? '');
      blocks.set(id, block);
    }
    return (await block) as T;
  }

  async function unpacked(base64: string): Promise<unknown> {
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).json();
  }

  return {
    runs: () => read<RunTable>('runs'),
    model: (place: number) => read<ModelSeries>(`model-${place}`),
    async details(detail: number): Promise<RunDetails | undefined> {
      const block = await read<RunDetails[]>(`details-${Math.floor(detail / detailsPerBlock)}`);
      return block[detail % detailsPerBlock];
    },
  };
}
