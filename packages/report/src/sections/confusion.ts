import type { PlotsRecord } from '@mlops/core/record';
import { type Html, html } from '../html.ts';
import { foldingTable } from '../table.ts';
import { measuredText, percentText } from '../text.ts';

type Confusion = NonNullable<PlotsRecord['confusion']>;

/** A matrix of more classes is too wide for any page. */
const mostClasses = 20;

/** How often each class is taken for which, as a heat map; of many classes those that are confused most. */
export function confusionPart(confusion: Confusion): Html {
  const { classes, baseline } = confusion;
  return html`<h3>Confusion matrix</h3>${
    classes.length > mostClasses ? mostConfused(confusion) : matrix(confusion)
  }<p class="soft">Rows are true classes, columns predicted ones; shares are of the true class.${baseline && ' The last number is the difference to the baseline.'}</p>`;
}

function matrix({ classes, candidate, baseline }: Confusion): Html {
  return html`<div class="scroll" tabindex="0"><table class="confusion"><thead><tr><th scope="col">true \\ predicted</th>${classes.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${classes.map(
    (name, i) =>
      html`<tr><th scope="row">${name}</th>${classes.map((_, j) => {
        const count = candidate[i]?.[j] ?? 0;
        const share = shareOf(candidate[i], j);
        const before = baseline?.[i]?.[j];
        return html`<td class="${i === j ? 'right' : 'wrong'}" style="--share: ${Math.round(share * 100)}%">${measuredText(count)}<small>${percentText(share)}${before !== undefined && ` · ${differenceText(count - before)}`}</small></td>`;
      })}</tr>`,
  )}</tbody></table></div>`;
}

function mostConfused({ classes, candidate, baseline }: Confusion): Html {
  const pairs = candidate
    .flatMap((row, i) => row.map((count, j) => ({ i, j, count, share: shareOf(row, j) })))
    .filter(({ i, j, count }) => i !== j && count > 0)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, 100);
  return foldingTable(
    ['True class', 'Predicted', '#Count', '#Of the class', ...(baseline ? ['#Baseline'] : [])],
    pairs.map(({ i, j, count, share }) => [
      classes[i] ?? '',
      classes[j] ?? '',
      measuredText(count),
      percentText(share),
      ...(baseline ? [measuredText(baseline[i]?.[j] ?? 0)] : []),
    ]),
  );
}

function shareOf(row: readonly number[] | undefined, column: number): number {
  const sum = row?.reduce((total, count) => total + count, 0) ?? 0;
  return sum > 0 ? (row?.[column] ?? 0) / sum : 0;
}

function differenceText(difference: number): string {
  if (difference === 0) return '±0';
  return `${difference > 0 ? '+' : '−'}${measuredText(Math.abs(difference))}`;
}
