<?php
/**
 * Script and styles of the plugin's pages.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Loads the script and the styles on the plugin's own pages, with all that the script needs from the server.
 */
final class Artly_Bridge_Assets {

	const HANDLE      = 'artly-reminder-bridge';
	const LIVE_HANDLE = 'artly-reminder-bridge-live';
	const SCRIPT      = 'assets/admin.js';
	const LIVE_SCRIPT = 'assets/live.js';
	const STYLE       = 'assets/admin.css';

	/**
	 * Loads script and styles, on the plugin's pages only.
	 */
	public static function enqueue(): void {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- only decides which page this is.
		$page = isset( $_GET['page'] ) ? sanitize_key( wp_unslash( $_GET['page'] ) ) : '';
		if ( ! in_array( $page, array( Artly_Bridge_Admin_Page::SLUG, Artly_Bridge_Settings_Page::SLUG ), true ) ) {
			return;
		}
		wp_enqueue_style( self::HANDLE, self::url( self::STYLE ), array( 'dashicons' ), self::version( self::STYLE ) );
		if ( ! self::is_built() ) {
			return;
		}
		wp_enqueue_script( self::LIVE_HANDLE, self::url( self::LIVE_SCRIPT ), array(), self::version( self::LIVE_SCRIPT ), true );
		wp_enqueue_script( self::HANDLE, self::url( self::SCRIPT ), array( self::LIVE_HANDLE ), self::version( self::SCRIPT ), true );
		$settings = Artly_Bridge_Admin_Page::SLUG === $page ? self::for_script( Artly_Bridge_Admin_Page::view() ) : self::for_script( null );
		// Nothing in the texts can end the script element: "<" and "&" are written as escapes.
		$json = wp_json_encode( $settings, JSON_HEX_TAG | JSON_HEX_AMP );
		wp_add_inline_script( self::HANDLE, 'window.artlySync = ' . $json . ';', 'before' );
	}

	/**
	 * Whether the scripts were built.
	 */
	public static function is_built(): bool {
		return file_exists( self::path( self::SCRIPT ) ) && file_exists( self::path( self::LIVE_SCRIPT ) );
	}

	/**
	 * Says how to build the script where it is missing: the page cannot do anything without it.
	 */
	public static function show_if_not_built(): void {
		if ( self::is_built() ) {
			return;
		}
		printf(
			'<div class="notice notice-error"><p>%s</p><p><code>npx tsc -p tsconfig.browser.json</code></p></div>',
			esc_html__( 'The script of this page has not been built (a file in assets is missing), so its buttons cannot work. Install the plugin from its release archive, or build the script in the project’s folder:', 'artly-reminder-bridge' )
		);
	}

	/**
	 * What the script needs from the server.
	 *
	 * @param array<string,mixed>|null $job View of the job that the page shows.
	 * @return array<string,mixed>
	 */
	private static function for_script( ?array $job ): array {
		return array(
			'ajaxUrl'      => admin_url( 'admin-ajax.php', 'relative' ),
			'nonce'        => wp_create_nonce( Artly_Bridge_Ajax::NONCE_ACTION ),
			'actions'      => array(
				'start'  => Artly_Bridge_Ajax::ACTION_START,
				'status' => Artly_Bridge_Ajax::ACTION_STATUS,
				'cancel' => Artly_Bridge_Ajax::ACTION_CANCEL,
				'ticket' => Artly_Bridge_Ajax::ACTION_TICKET,
				'test'   => Artly_Bridge_Ajax::ACTION_TEST,
			),
			// After these, asking again is of no use until the page is reloaded.
			'finalCodes'   => array( Artly_Bridge_Ajax::EXPIRED, Artly_Bridge_Ajax::FORBIDDEN ),
			'startingCode' => Artly_Bridge_Failure::ALREADY_STARTING,
			'canStart'     => Artly_Bridge_Admin_Page::can_start(),
			'job'          => $job,
			'collecting'   => Artly_Bridge_Job_View::collecting(),
			'texts'        => array(
				'siteSilent'  => __( 'This site does not answer. Check your connection to the internet.', 'artly-reminder-bridge' ),
				'siteUnclear' => __( 'This site gave an answer that cannot be read. Please reload the page if it does not pass.', 'artly-reminder-bridge' ),
				'signedOut'   => __( 'You are no longer signed in. Sign in, then reload this page.', 'artly-reminder-bridge' ),
				'trying'      => __( 'Still trying: the sync itself goes on without this page.', 'artly-reminder-bridge' ),
				'notStarted'  => __( 'The sync did not start. Please try again.', 'artly-reminder-bridge' ),
				'cancelling'  => __( 'Cancelling the sync.', 'artly-reminder-bridge' ),
				'testing'     => __( 'Testing the connection.', 'artly-reminder-bridge' ),
			),
		);
	}

	/**
	 * Address of a file of the plugin.
	 *
	 * @param string $file Its path in the plugin.
	 */
	private static function url( string $file ): string {
		return plugins_url( $file, ARTLY_REMINDER_BRIDGE_FILE );
	}

	/**
	 * Path of a file of the plugin.
	 *
	 * @param string $file Its path in the plugin.
	 */
	private static function path( string $file ): string {
		return plugin_dir_path( ARTLY_REMINDER_BRIDGE_FILE ) . $file;
	}

	/**
	 * A version that changes with the file, so that no browser keeps an old one.
	 *
	 * @param string $file Its path in the plugin.
	 */
	private static function version( string $file ): string {
		return ARTLY_REMINDER_BRIDGE_VERSION . '.' . (string) filemtime( self::path( $file ) );
	}
}
