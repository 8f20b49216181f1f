export { DashboardCollector } from './collect.ts';
export type { Dashboard } from './data.ts';
export { generator, renderDashboard } from './page.ts';
