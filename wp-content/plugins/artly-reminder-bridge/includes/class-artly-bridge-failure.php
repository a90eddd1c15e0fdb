<?php
/**
 * What can go wrong, as sentences for the owner of a shop.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Makes every WP_Error of this plugin: a code for programs, a sentence that says what to do, and the HTTP status with
 * which the browser is told.
 */
final class Artly_Bridge_Failure {

	const NOT_CONFIGURED    = 'artly_not_configured';
	const NO_SOURCE         = 'artly_no_source';
	const NO_BALANCES       = 'artly_no_balances';
	const READ_FAILED       = 'artly_read_failed';
	const ALREADY_STARTING  = 'artly_already_starting';
	const NOTHING_TO_CANCEL = 'artly_nothing_to_cancel';
	const INVALID_ADDRESS   = 'artly_invalid_address';
	const DNS               = 'artly_dns';
	const UNREACHABLE       = 'artly_unreachable';
	const UNAVAILABLE       = 'artly_unavailable';
	const TIMEOUT           = 'artly_timeout';
	const START_TIMEOUT     = 'artly_start_timeout';
	const TLS               = 'artly_tls';
	const BLOCKED           = 'artly_blocked';
	const NOT_ARTLY         = 'artly_not_artly';
	const WRONG_KEY         = 'artly_wrong_key';
	const JOB_NOT_FOUND     = 'artly_job_not_found';
	const REFUSED           = 'artly_refused';

	/**
	 * Status for every fault between this site and the server. 502 and 504 would be closer by name, but some proxies
	 * in front of a shop replace the body of exactly these two by a page of their own, and the sentence would be lost.
	 */
	const SERVER_FAULT_STATUS = 503;

	/** Longest sentence of the server that is passed on. */
	const LONGEST_MESSAGE = 300;

	/**
	 * The failure of this code.
	 *
	 * @param string $code One of the constants above.
	 * @return WP_Error
	 */
	public static function of( string $code ): WP_Error {
		list( $status, $message ) = self::catalogue()[ $code ];
		return new WP_Error( $code, $message, array( 'status' => $status ) );
	}

	/**
	 * The failure behind an error of the WordPress HTTP API, whichever transport it came from.
	 *
	 * @param WP_Error $error What the HTTP API said.
	 * @return WP_Error
	 */
	public static function from_transport( WP_Error $error ): WP_Error {
		if ( 'http_request_not_executed' === $error->get_error_code() ) {
			return self::of( self::BLOCKED );
		}
		$said  = $error->get_error_message();
		$kinds = array(
			self::TIMEOUT => '/cURL error 28\b|timed? ?out/i',
			self::DNS     => '/cURL error 6\b|getaddrinfo|could not resolve/i',
			self::TLS     => '/cURL error (35|51|53|54|58|59|60|64|66|77|80|82|83|90|91)\b|SSL|certificate/i',
		);
		foreach ( $kinds as $code => $pattern ) {
			if ( preg_match( $pattern, $said ) ) {
				return self::of( $code );
			}
		}
		return self::of( self::UNREACHABLE );
	}

	/**
	 * The failure that an answer of the server stands for.
	 *
	 * @param int                 $status HTTP status of the answer.
	 * @param array<string,mixed> $answer Its decoded body.
	 * @return WP_Error
	 */
	public static function from_answer( int $status, array $answer ): WP_Error {
		$code = isset( $answer['error'] ) && is_string( $answer['error'] ) ? $answer['error'] : '';
		if ( 401 === $status || 403 === $status ) {
			return self::of( self::WRONG_KEY );
		}
		if ( 'JOB_NOT_FOUND' === $code ) {
			return self::of( self::JOB_NOT_FOUND );
		}
		$message = isset( $answer['message'] ) && is_string( $answer['message'] ) ? $answer['message'] : $code;
		return new WP_Error(
			self::REFUSED,
			/* translators: %s: a sentence of the Artly Sync server. */
			sprintf( __( 'The Artly Sync server answered with an error: %s', 'artly-reminder-bridge' ), mb_substr( $message, 0, self::LONGEST_MESSAGE ) ),
			array( 'status' => self::SERVER_FAULT_STATUS )
		);
	}

	/**
	 * Every failure with its HTTP status and its sentence.
	 *
	 * @return array<string,array{int,string}>
	 */
	private static function catalogue(): array {
		return self::catalogue_of_site() + self::catalogue_of_server();
	}

	/**
	 * Failures that lie on this site.
	 *
	 * @return array<string,array{int,string}>
	 */
	private static function catalogue_of_site(): array {
		return array(
			self::NOT_CONFIGURED    => array( 409, __( 'Artly Sync is not connected yet. Enter the address and the key of your Artly Sync server in the settings.', 'artly-reminder-bridge' ) ),
			self::NO_SOURCE         => array( 409, __( 'The plugin that keeps the points was not found. Choose in the settings where the points are.', 'artly-reminder-bridge' ) ),
			self::NO_BALANCES       => array( 422, __( 'No member has points, so there is nothing to sync. Check in the settings where the points are read from.', 'artly-reminder-bridge' ) ),
			self::READ_FAILED       => array( 500, __( 'The balances could not be read from the database of this site, so nothing was sent. Please try again; if it happens again, ask your host to look at the database.', 'artly-reminder-bridge' ) ),
			self::ALREADY_STARTING  => array( 409, __( 'A sync is being started right now, perhaps in another tab or by a colleague.', 'artly-reminder-bridge' ) ),
			self::NOTHING_TO_CANCEL => array( 409, __( 'No sync is running, so there is nothing to cancel.', 'artly-reminder-bridge' ) ),
			self::INVALID_ADDRESS   => array( 400, __( 'This is not a complete address. It begins with https:// (or http://), then the name of the server, such as https://sync.example.com', 'artly-reminder-bridge' ) ),
			self::BLOCKED           => array( 500, __( 'This WordPress is set to block requests to other servers. Add the name of your Artly Sync server to WP_ACCESSIBLE_HOSTS in wp-config.php.', 'artly-reminder-bridge' ) ),
		);
	}

	/**
	 * Failures that lie on the way to the server or behind it.
	 *
	 * @return array<string,array{int,string}>
	 */
	private static function catalogue_of_server(): array {
		$status = self::SERVER_FAULT_STATUS;
		return array(
			self::DNS           => array( $status, __( 'No server has this name. Check the address in the settings for a typing mistake.', 'artly-reminder-bridge' ) ),
			self::UNREACHABLE   => array( $status, __( 'The Artly Sync server cannot be reached at this address. Check the address and the port in the settings, and that the server is running.', 'artly-reminder-bridge' ) ),
			self::UNAVAILABLE   => array( $status, __( 'Something answers at this address, but says that the server behind it is not available now. Check that Artly Sync is running there.', 'artly-reminder-bridge' ) ),
			self::TIMEOUT       => array( $status, __( 'The Artly Sync server did not answer in time. It may be busy, or a firewall may stand between it and this site.', 'artly-reminder-bridge' ) ),
			self::START_TIMEOUT => array( $status, __( 'The Artly Sync server did not confirm the start in time. It may have taken the balances all the same. Starting again is safe: a balance is never counted twice.', 'artly-reminder-bridge' ) ),
			self::TLS           => array( $status, __( 'No secure connection to the Artly Sync server could be made. Check that its certificate is valid, and whether the address begins with https:// or http://', 'artly-reminder-bridge' ) ),
			self::NOT_ARTLY     => array( $status, __( 'A server answers at this address, but it is not Artly Sync. Check the address in the settings, also the port and the path.', 'artly-reminder-bridge' ) ),
			self::WRONG_KEY     => array( $status, __( 'The Artly Sync server does not accept the key. Enter the key of this site again in the settings, or make a new one on the server.', 'artly-reminder-bridge' ) ),
			self::JOB_NOT_FOUND => array( 404, __( 'The Artly Sync server no longer knows this sync. You can start a new one.', 'artly-reminder-bridge' ) ),
		);
	}
}
