export const DEFAULT_POINTS_TYPE = 'points';

/** A record of a balance that can be applied. `tenThousandths` is whole; null removes the balance. */
export interface PointsBalance {
  wpUserId: number;
  email: string;
  pointsType: string;
  tenThousandths: number | bigint | null;
}

/** A balance as it is read back: `tenThousandths` is exact, so it is a bigint. */
export interface Balance extends Pick<PointsBalance, 'wpUserId' | 'email' | 'pointsType'> {
  tenThousandths: bigint;
}
