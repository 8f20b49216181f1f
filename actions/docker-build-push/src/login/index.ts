export type { Endpoints, Patience } from './cloud.ts';
export type { GitHubUser } from './credentials.ts';
export { type LoggedIn, type LoginContext, login, logout } from './login.ts';
export { type LoginRequest, type Provider, providerOf, providers } from './request.ts';
