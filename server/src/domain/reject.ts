/** Why one record can't be applied. `wpUserId` is null where it could not be read. docs/errors.md lists all codes. */
export interface Reject {
  wpUserId: number | null;
  code: string;
  message: string;
}

export function isReject<Accepted extends object>(reading: Accepted | Reject): reading is Reject {
  return 'code' in reading;
}
