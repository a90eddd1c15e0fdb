<?php
/**
 * What the page's script asks for.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Answers the requests of the page: who may ask, and in which form the answer goes back.
 */
final class Artly_Bridge_Ajax {

	const NONCE_ACTION = 'artly_sync_points';
	const NONCE_FIELD  = 'nonce';
	const JOB_ID_FIELD = 'jobId';

	const ACTION_START  = 'artly_start_sync_points';
	const ACTION_STATUS = 'artly_get_sync_job_status';
	const ACTION_CANCEL = 'artly_cancel_sync';
	const ACTION_TICKET = 'artly_get_sync_ticket';
	const ACTION_TEST   = 'artly_test_connection';

	/** Codes by which the script knows that asking again is of no use. */
	const EXPIRED   = 'artly_page_expired';
	const FORBIDDEN = 'artly_forbidden';

	/**
	 * Whether the person may sync.
	 */
	public static function may_sync(): bool {
		return current_user_can( 'manage_options' ) || current_user_can( 'manage_woocommerce' );
	}

	/**
	 * Whether the person may change where balances go. Not everyone who may sync: a new address is sent the saved key.
	 */
	public static function may_configure(): bool {
		return current_user_can( 'manage_options' );
	}

	/**
	 * Does the work, if the person may ask for it, and answers.
	 *
	 * @param bool     $allowed Whether the person may ask for it.
	 * @param callable $work    Gives array|WP_Error.
	 * @return never
	 */
	public static function answer( bool $allowed, callable $work ): void {
		if ( ! check_ajax_referer( self::NONCE_ACTION, self::NONCE_FIELD, false ) ) {
			self::send_error( self::EXPIRED, __( 'This page has been open for too long. Please reload it.', 'artly-reminder-bridge' ), 403 );
		}
		if ( ! $allowed ) {
			self::send_error( self::FORBIDDEN, __( 'You do not have permission to do this. Ask an administrator of this site.', 'artly-reminder-bridge' ), 403 );
		}
		$result = $work();
		if ( is_wp_error( $result ) ) {
			$data = $result->get_error_data();
			self::send_error( (string) $result->get_error_code(), $result->get_error_message(), (int) ( $data['status'] ?? 500 ) );
		}
		wp_send_json_success( $result );
	}

	/**
	 * The job asked for, or '' for the one this site shows. Only called by work that answer() has let through.
	 */
	public static function job_id(): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- answer() has verified it.
		$id = isset( $_POST[ self::JOB_ID_FIELD ] ) ? sanitize_text_field( wp_unslash( $_POST[ self::JOB_ID_FIELD ] ) ) : '';
		return preg_match( '/^[A-Za-z0-9_-]{1,100}$/', $id ) ? $id : '';
	}

	/**
	 * Tries the address and the key that are typed in the settings form; an empty key means the saved one.
	 *
	 * @return array<string,string>|WP_Error
	 */
	public static function test_connection() {
		$typed_url = self::posted( 'url' );
		$url       = Artly_Bridge_Settings::normalize_url( $typed_url );
		if ( '' === $url ) {
			return Artly_Bridge_Failure::of( '' === $typed_url ? Artly_Bridge_Failure::NOT_CONFIGURED : Artly_Bridge_Failure::INVALID_ADDRESS );
		}
		$typed_secret = self::posted( 'secret' );
		$result       = ( new Artly_Bridge_Client( $url, '' === $typed_secret ? Artly_Bridge_Settings::secret() : $typed_secret ) )->test();
		if ( is_wp_error( $result ) ) {
			return $result;
		}
		$is_saved = Artly_Bridge_Settings::url() === $url && ( '' === $typed_secret || Artly_Bridge_Settings::secret() === $typed_secret );
		return array(
			'message' => $is_saved
				? __( 'Connected: the server is Artly Sync and accepts the key.', 'artly-reminder-bridge' )
				: __( 'Connected: the server is Artly Sync and accepts the key. Now save the changes.', 'artly-reminder-bridge' ),
		);
	}

	/**
	 * A posted field, trimmed.
	 *
	 * @param string $name Its name.
	 */
	private static function posted( string $name ): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing, WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- verified by answer(); a key must stay as it is typed and is only ever a header, the address is validated.
		return isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? trim( wp_unslash( $_POST[ $name ] ) ) : '';
	}

	/**
	 * Answers with an error.
	 *
	 * @param string $code    For the script.
	 * @param string $message For the person.
	 * @param int    $status  HTTP status.
	 * @return never
	 */
	private static function send_error( string $code, string $message, int $status ): void {
		wp_send_json_error(
			array(
				'code'    => $code,
				'message' => $message,
			),
			$status
		);
	}
}
