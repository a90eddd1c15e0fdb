/** Logs events, not sentences. Never a key, a body or the address of a member. */
export interface Log {
  debug(event: string, details?: object): void;
  info(event: string, details?: object): void;
  warn(event: string, details?: object): void;
  error(event: string, details?: object): void;
}
